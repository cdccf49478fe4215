# The gateway, slim and without root. Build with: docker build -t menshen .
# Run with a configuration and a bundle: docker run -v ./etc:/etc/menshen:ro -v menshen-var:/var/lib/menshen menshen

FROM python:3.13-slim AS build
WORKDIR /src
# The hot path is compiled (hatch_build.py); without a compiler it would run as plain Python.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/menshen
COPY requirements.lock pyproject.toml hatch_build.py README.md ./
COPY gateway gateway
COPY adapters adapters
COPY policies policies
# The lock holds the tools of tests and style too: take its versions for what the program itself asks for.
RUN sed -n 's/^\([A-Za-z0-9._-]*==[^ ;]*\).*/\1/p' requirements.lock > versions.txt \
 && /opt/menshen/bin/pip install --no-cache-dir --constraint versions.txt .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/menshen --create-home menshen
COPY --from=build /opt/menshen /opt/menshen
ENV PATH=/opt/menshen/bin:$PATH PYTHONUNBUFFERED=1 \
    MENSHEN__GATEWAY__STATE_DIR=/var/lib/menshen \
    MENSHEN__TRAIL__PATH=/var/lib/menshen/trail \
    MENSHEN__HTTP__HOST=0.0.0.0
USER menshen
WORKDIR /var/lib/menshen
VOLUME /var/lib/menshen
EXPOSE 6432 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "-c", \
  "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('MENSHEN__HTTP__PORT', '8080')}/healthz\", timeout=2)"]
# A gateway drains on SIGTERM; give it the time that gateway.limits.drain_timeout_seconds says.
STOPSIGNAL SIGTERM
ENTRYPOINT ["menshen"]
CMD ["serve", "-c", "/etc/menshen/menshen.toml"]
