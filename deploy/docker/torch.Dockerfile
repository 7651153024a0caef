# A service that has torch of its own: retrieval (the encoder), finetune.
#   docker build -f deploy/docker/torch.Dockerfile --build-arg PACKAGE=services/retrieval .
# TORCH_INDEX: a package index with another build of torch (a smaller one without CUDA, say).
ARG PYTHON=3.11-slim-bookworm
FROM python:${PYTHON} AS build
ARG TORCH_INDEX=""
RUN pip install --no-cache-dir uv
WORKDIR /src
COPY requirements.lock requirements.overrides ./
# torch alone in a layer: it is gigabytes, and changes least.
RUN uv venv -q /app && uv pip install -p /app --no-cache --link-mode copy \
    ${TORCH_INDEX:+--index "$TORCH_INDEX"} -c requirements.lock --override requirements.overrides torch
COPY libs/events libs/events
COPY libs/rpc libs/rpc
COPY libs/service libs/service
ARG PACKAGE
COPY ${PACKAGE} ${PACKAGE}
RUN uv pip install -p /app --no-cache --link-mode copy \
    -c requirements.lock --override requirements.overrides \
    libs/events libs/rpc libs/service "./${PACKAGE}"

FROM python:${PYTHON}
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home gyre && install -d -o gyre /data /data/blobs /data/adapters /data/finetune /models
COPY --from=build /app /app
COPY models/replay /replay
COPY --chmod=755 deploy/docker/start.sh deploy/docker/healthy.py /usr/local/bin/
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 OMP_WAIT_POLICY=PASSIVE \
    GYRE_HOME=/data GYRE_HOST=0.0.0.0 GYRE_GRPC_PORT=50051 GYRE_HEALTH_PORT=8081
USER gyre
WORKDIR /data
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s CMD ["healthy.py"]
ENTRYPOINT ["start.sh"]
