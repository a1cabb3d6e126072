# The program in a container, for the CPU and, with the device handed in, for GPUs of Mesa's drivers:
#   docker build -t harness .
#   docker run --rm -v "$PWD:/work" harness run --task kor_hate --sample
#   docker run --rm -v "$PWD:/work" --device /dev/dri --group-add "$(stat -c %g /dev/dri/renderD128)" harness devices
# It runs as user 1000, who writes into /work; `--user "$(id -u):$(id -g)"` makes it another.
FROM debian:13-slim AS build
COPY . /src
WORKDIR /src
RUN ./bootstrap package

FROM debian:13-slim
COPY --from=build /src/build/release/harness_*.deb /tmp/
RUN apt-get update && apt-get install -y --no-install-recommends /tmp/harness_*.deb libvulkan1 mesa-vulkan-drivers ca-certificates && rm -rf /tmp/harness_*.deb /var/lib/apt/lists/*
RUN useradd --uid 1000 --create-home harness && install -d -o harness -g harness /work
USER harness
WORKDIR /work
ENTRYPOINT ["harness"]
