# docker build -t wsgi-gateway .
# docker run -p 12000:12000 -v ./config.yaml:/etc/wsgi-gateway/config.yaml:ro -e OPENAI_API_KEY wsgi-gateway
# It does not start without keys for its clients in the config (access), unless with -e WSGI_GATEWAY_ACCESS=open.
FROM python:3.13-slim AS build
WORKDIR /src
COPY setup.py pyproject.toml README.md LICENSE ./
COPY wsgi_gateway wsgi_gateway
# With the drivers of the storages that several gateways share, and the prices that budgets need.
RUN pip wheel --no-cache-dir --wheel-dir /wheels '.[postgres,redis,prices]'

FROM python:3.13-slim
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels 'wsgi-gateway[postgres,redis,prices]' \
    && useradd --system --uid 10001 --no-create-home gateway
USER gateway
ENV WSGI_GATEWAY_HOST=0.0.0.0 \
    WSGI_GATEWAY_PORT=12000
EXPOSE 12000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD \
    ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:12000/healthz', timeout=2)"]
ENTRYPOINT ["wsgi-gateway", "serve"]
CMD ["--config", "/etc/wsgi-gateway/config.yaml"]
