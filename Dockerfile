# syntax=docker/dockerfile:1
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/palaver
WORKDIR /src
# The locked dependencies first: they change less often than the code.
COPY requirements.lock .
RUN /opt/palaver/bin/pip install --quiet --no-deps --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY bots bots
COPY core core
RUN /opt/palaver/bin/pip install --quiet --no-deps --no-build-isolation . \
 && /opt/palaver/bin/pip uninstall --quiet --yes pip setuptools

FROM python:3.13-slim
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin palaver \
 && install -d -o palaver -g palaver -m 0700 /data
COPY --from=build /opt/palaver /opt/palaver
ENV PATH=/opt/palaver/bin:$PATH PYTHONUNBUFFERED=1 \
    DATA_DIR=/data HTTP_HOST=0.0.0.0 HTTP_PORT=8080 LOG_JSON=true
USER palaver
WORKDIR /data
VOLUME /data
EXPOSE 8080
# A stop lets running answers finish (GRACE_S): give it that time, docker stop --time 30.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=4s --start-period=15s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['HTTP_PORT']}/healthz\", timeout=3)"]
CMD ["palaver", "run"]
