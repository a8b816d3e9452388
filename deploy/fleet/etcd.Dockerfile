# etcd as Debian has it, for trying a fleet: docker build -t manta-etcd -f deploy/fleet/etcd.Dockerfile deploy/fleet
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends etcd-server && rm -rf /var/lib/apt/lists/* \
    && mkdir -p /var/lib/etcd && chown etcd:etcd /var/lib/etcd
USER etcd
ENTRYPOINT []
CMD ["etcd"]
