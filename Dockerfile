# The wheel is built apart, so that the image holds no build tool.
FROM python:3.11-slim AS build
WORKDIR /app
COPY requirements-build.lock ./
RUN python -m pip install --no-cache-dir --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY cds_service cds_service
COPY fixtures fixtures
RUN python -m pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist .

FROM python:3.11-slim
WORKDIR /app
COPY requirements.lock ./
RUN python -m pip install --no-cache-dir --require-hashes -r requirements.lock
COPY --from=build /app/dist dist
RUN python -m pip install --no-cache-dir --no-deps --no-index dist/*.whl
# Without settings this is the development profile: CDS_PROFILE=production and what it asks for come from outside.
ENV PYTHONUNBUFFERED=1 HOME=/tmp
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
CMD ["cds-service", "serve", "--host", "0.0.0.0", "--port", "8000"]
