# A service without a model: gateway, ingestion, evaluation, feedback, drift, registry; and the topics job.
#   docker build -f deploy/docker/light.Dockerfile --build-arg PACKAGE=services/gateway .
ARG PYTHON=3.11-slim-bookworm
FROM python:${PYTHON} AS build
ARG PACKAGE
RUN pip install --no-cache-dir uv
WORKDIR /src
COPY requirements.lock requirements.overrides ./
COPY libs/events libs/events
COPY libs/rpc libs/rpc
COPY libs/service libs/service
COPY ${PACKAGE} ${PACKAGE}
# Versions are the lock's; which of them, the package's own dependencies say.
RUN uv venv -q /app && uv pip install -p /app --no-cache --link-mode copy \
    -c requirements.lock --override requirements.overrides \
    libs/events libs/rpc libs/service "./${PACKAGE}"

FROM python:${PYTHON}
RUN useradd --uid 10001 --create-home gyre && install -d -o gyre /data /data/blobs /data/adapters /models
COPY --from=build /app /app
COPY contracts/topics /contracts/topics
COPY --chmod=755 deploy/docker/start.sh deploy/docker/healthy.py /usr/local/bin/
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 \
    GYRE_HOME=/data GYRE_HOST=0.0.0.0 GYRE_HTTP_PORT=8000 GYRE_GRPC_PORT=50051 GYRE_HEALTH_PORT=8081
USER gyre
WORKDIR /data
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["healthy.py"]
ENTRYPOINT ["start.sh"]
