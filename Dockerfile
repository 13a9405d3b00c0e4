# The executable in a small image. Three stages, so that a change of the sources does not recompile dependencies:
#
#     manifests   the workspace without sources; its layer changes only with the dependencies
#     build       the dependencies from that, then the sources
#     (last)      the executable only
#
#     docker build -t switchboard .
#     docker build -t switchboard --build-arg PROFILE=dev .    # compiles much faster, runs slower

FROM rust:1.95-slim-bookworm AS manifests
WORKDIR /switchboard
COPY . .
RUN find . -type f ! -name Cargo.toml ! -name Cargo.lock -delete \
    && for package in services/* shared/* tests/bench; do mkdir -p "$package/src" && touch "$package/src/lib.rs"; done \
    && rm services/switchboard/src/lib.rs && echo 'fn main() {}' >services/switchboard/src/main.rs \
    && mkdir tests/bench/cluster && touch tests/main.rs tests/bench/cluster/main.rs

FROM rust:1.95-slim-bookworm AS build
ARG PROFILE=release
WORKDIR /switchboard
ENV CARGO_INCREMENTAL=0
COPY --from=manifests /switchboard .
RUN cargo build --locked --profile "$PROFILE" -p switchboard
COPY . .
# The new timestamps make cargo recompile the placeholder packages.
RUN find services shared -name '*.rs' -exec touch {} + \
    && cargo build --locked --profile "$PROFILE" -p switchboard \
    && cp target/*/switchboard /usr/local/bin/switchboard

FROM debian:bookworm-slim
RUN useradd --system --uid 8188 --home-dir /var/lib/switchboard switchboard \
    && install -d -o switchboard /var/lib/switchboard /var/lib/switchboard-drain
COPY --from=build /usr/local/bin/switchboard /usr/local/bin/switchboard
USER switchboard
WORKDIR /var/lib/switchboard
ENTRYPOINT ["switchboard"]
CMD ["--help"]
