# Gatepost in a container: docker build -t gatepost .
#
#   docker run -d --read-only --cap-drop=ALL --security-opt=no-new-privileges \
#     -p 995:1995 -p 110:1110 -v /etc/mail-tls:/etc/gatepost/tls:ro \
#     -e GATEPOST_UPSTREAM=mail.internal:110 gatepost
#
# The folder mounted has tls.crt and tls.key, which user 995 can read. That is all a gateway needs: the
# image has a configuration (deploy/container/gatepost.json) with POP3S at 1995, POP3 with STLS at 1110,
# and the admin listener at 9110. Variables (docs/configuration.md, "Flags and environment") come before
# it; a file mounted at /etc/gatepost/gatepost.json takes its place.
#
#   9110               health, metrics, status page: for the probes and Prometheus of the containers'
#                      network. It asks for no password; do not publish it.
#   /var/lib/gatepost  mount a volume if it keeps quarantine or retention
#   /run/gatepost      mount a tmpfs if it has Unix sockets, such as that of `gatepost ctl`
#   /tmp               mount a tmpfs
#
# Nothing else is written, and nothing needs a capability or a shell.
#
# To build with a ccache of one's own: podman build --volume "$HOME/.cache/ccache:/var/cache/ccache" …

FROM debian:12-slim AS build
WORKDIR /src
COPY deploy/install-packages deploy/packages.txt deploy/
RUN apt-get update -q && deploy/install-packages build
COPY . .
# How many compilers at a time; empty: as many as there are processors.
ARG JOBS=
ARG CCACHE_DIR=/var/cache/ccache
RUN cmake --preset release -DGATEPOST_TESTS=OFF -DGATEPOST_PACKAGE=OFF \
 && cmake --build --preset release --target gatepost --parallel "${JOBS:-$(nproc)}" \
 && cmake --install build/release --prefix /usr/local --strip

FROM debian:12-slim
COPY deploy/install-packages deploy/packages.txt /tmp/deploy/
# A tmpfs mounted at /run/gatepost belongs to root and takes over the folder's mode. The base has programs
# that make their caller root: of no use here, so they lose that.
RUN apt-get update -q \
 && /tmp/deploy/install-packages runtime \
 && groupadd --system --gid 995 gatepost \
 && useradd --system --uid 995 --gid 995 --home-dir /var/lib/gatepost --no-create-home \
      --shell /usr/sbin/nologin gatepost \
 && install -d -m 0755 /etc/gatepost /etc/gatepost/tls \
 && install -d -o gatepost -g gatepost -m 0700 /var/lib/gatepost \
 && install -d -o gatepost -g gatepost -m 1777 /run/gatepost \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
 && find /var/log /var/lib/apt/lists /var/cache/apt /var/cache/debconf /var/cache/ldconfig -type f -delete \
 && rm -rf /tmp/deploy /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- \
      /usr/share/doc/*/changelog* /usr/share/man
COPY --from=build /usr/local/bin/gatepost /usr/local/bin/gatepost
COPY LICENSE /usr/share/doc/gatepost/copyright
COPY deploy/container/gatepost.json /etc/gatepost/gatepost.json

# A variable, not an argument, so that the health check reads the same file.
ENV GATEPOST_CONFIG=/etc/gatepost/gatepost.json
USER 995:995
WORKDIR /
EXPOSE 1995 1110 9110
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=10s --retries=3 \
  CMD ["/usr/local/bin/gatepost", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/gatepost"]
CMD ["run"]
LABEL org.opencontainers.image.title="Gatepost" \
      org.opencontainers.image.description="A POP3 gateway: TLS, filters and retention in front of POP3 servers" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="debian:12-slim"
