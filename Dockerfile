# Gatepost in a container: docker build -t gatepost .
#
#   docker run --read-only --cap-drop=ALL -p 995:1995 -p 110:1110 -v /etc/gatepost:/etc/gatepost:ro \
#     gatepost run --pop3s :1995 --pop3 :1110 --admin :9110 --upstream mail.internal:110 \
#     --cert /etc/gatepost/tls.crt --key /etc/gatepost/tls.key

FROM debian:12-slim AS build
WORKDIR /src
COPY deploy/install-packages deploy/packages.txt deploy/
RUN apt-get update -q && deploy/install-packages build
COPY . .
RUN cmake --preset release -DGATEPOST_TESTS=OFF \
 && cmake --build --preset release --target gatepost \
 && cmake --install build/release --prefix /usr/local --strip

FROM debian:12-slim
COPY deploy/install-packages deploy/packages.txt /tmp/deploy/
RUN apt-get update -q && /tmp/deploy/install-packages runtime \
 && rm -rf /tmp/deploy /var/lib/apt/lists/* \
 && useradd --system --uid 995 --user-group --no-create-home --shell /usr/sbin/nologin gatepost
COPY --from=build /usr/local/bin/gatepost /usr/local/bin/gatepost
USER 995:995
# POP3S, POP3 with STLS, and the admin listener, on ports that need no privilege.
EXPOSE 1995 1110 9110
ENTRYPOINT ["/usr/local/bin/gatepost"]
CMD ["run", "--config", "/etc/gatepost/gatepost.json"]
