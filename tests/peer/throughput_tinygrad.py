"""One contender of throughput.py in tinygrad, in a process of its own: trains and evaluates, prints one JSON line.

    python throughput_tinygrad.py SPEC.json

Contenders: tinygrad (its CPU backend, by clang) and tinygrad+webgpu (Dawn on the Vulkan driver that the loader gives first; for
lavapipe VK_DRIVER_FILES names its manifest). BERT is written out; a TinyJit each width, batches of neighbours in length, padded
to a multiple of 32 (every width is compiled kernel by kernel, before the clock starts), AdamW and clipping as in the loop of
throughput_torch.py. BEAM=N lets tinygrad search for faster kernels, as ever; its own cache keeps what it found.
"""
import os
import pathlib
import sys
import time

import numpy as np

from throughput_work import (CLIP, DECAY, EPS, RATE, evaluation_batches, is_decayed, need, padded, prove_logits, prove_steps, read,
                             resident_peak, tell, training_batches, weights)

WIDTHS = 32  # multiples of it
WORDS = "bert.embeddings.word_embeddings.weight"


def choose_backend(spec):
    """Before tinygrad is imported, which looks at its environment once."""
    need("tinygrad")
    os.environ["CACHEDB"] = str(pathlib.Path(spec["cache"]) / "tinygrad.db")
    if "webgpu" not in spec["contender"]:
        os.environ["DEV"] = "CPU"
        return
    need("pydawn")
    import pydawn
    library = pathlib.Path(pydawn.__file__).parent / "lib" / f"libwebgpu_dawn_{os.uname().machine}.so"
    os.environ |= {"DEV": "WEBGPU", "WEBGPU_PATH": str(library), "WEBGPU_BACKEND": "WGPUBackendType_Vulkan"}


class Encoder:
    def __init__(self, config, parameters):
        from tinygrad import Tensor
        self.layers, self.heads, self.rate = config["num_hidden_layers"], config["num_attention_heads"], config["hidden_dropout_prob"]
        self.p = {name: Tensor(array).is_param_() for name, array in parameters.items()}

    def linear(self, name, x):
        return x.linear(self.p[name + ".weight"].transpose(), self.p[name + ".bias"])

    def norm(self, name, x):
        return x.layernorm(eps=1e-12) * self.p[name + ".weight"] + self.p[name + ".bias"]

    def attention(self, layer, x, bias):
        rows, width, hidden = x.shape
        q, k, v = (self.linear(f"{layer}.attention.self.{n}", x).reshape(rows, width, self.heads, -1).transpose(1, 2)
                   for n in ("query", "key", "value"))
        share = (q @ k.transpose(2, 3) * (hidden // self.heads) ** -0.5 + bias).softmax().dropout(self.rate)
        return self.linear(layer + ".attention.output.dense", (share @ v).transpose(1, 2).reshape(rows, width, hidden))

    def __call__(self, words, mask):
        """words (B, S, H) are their rows of the embedding."""
        place, (rows, width) = "bert.embeddings.", mask.shape
        x = words + self.p[place + "position_embeddings.weight"][:width] + self.p[place + "token_type_embeddings.weight"][0]
        x = self.norm(place + "LayerNorm", x).dropout(self.rate)
        bias = (1 - mask.reshape(rows, 1, 1, width)) * -1e9
        for i in range(self.layers):
            layer = f"bert.encoder.layer.{i}"
            x = self.norm(layer + ".attention.output.LayerNorm", x + self.attention(layer, x, bias).dropout(self.rate))
            wide = self.linear(layer + ".intermediate.dense", x)
            wide = wide * 0.5 * (1 + (wide * 0.5 ** 0.5).erf())
            x = self.norm(layer + ".output.LayerNorm", x + self.linear(layer + ".output.dense", wide).dropout(self.rate))
        return self.linear("classifier", self.linear("bert.pooler.dense", x[:, 0]).tanh().dropout(self.rate))


class Training:
    """The model with its optimizer; one jitted step and one forward pass each shape."""

    def __init__(self, config, parameters):
        from tinygrad.nn.optim import AdamW, OptimizerGroup
        self.encoder, self.steps, self.forwards = Encoder(config, parameters), {}, {}
        named = self.encoder.p.items()
        self.optimizer = OptimizerGroup(
            AdamW([p for n, p in named if is_decayed(n)], lr=RATE, eps=EPS, weight_decay=DECAY),
            AdamW([p for n, p in named if not is_decayed(n)], lr=RATE, eps=EPS, weight_decay=0.0))

    def take(self, distinct, place, found, mask, labels):
        """A step. The gradient of an embedding by its index is a sum over all tokens for each word of the vocabulary there; so
        it is taken of the distinct words' rows (D, H), and each word of the vocabulary looks its own up: found (V) is its row, or D."""
        from tinygrad import Tensor
        table = self.encoder.p[WORDS]
        others = [p for p in self.optimizer.params if p is not table]
        rows = table[distinct].detach().contiguous().is_param_()
        loss = self.encoder(rows[place], mask).sparse_categorical_crossentropy(labels)
        of_rows, *grads = loss.gradient(rows, *others)
        size = sum((g ** 2).sum() for g in (of_rows, *grads)).sqrt()
        scale = (CLIP / (size + 1e-6)).minimum(1.0)
        table.grad = (of_rows * scale).cat(Tensor.zeros(1, of_rows.shape[1])).contiguous()[found]
        for p, g in zip(others, grads):
            p.grad = g * scale
        loss.realize(size, *self.optimizer.schedule_step())
        return loss, size

    def step(self, ids, mask, labels):
        from tinygrad import Context, TinyJit
        own = self.steps.setdefault(ids.shape, TinyJit(self.take))
        words, place = np.unique(ids, return_inverse=True)
        distinct, found = np.zeros(ids.size), np.full(self.encoder.p[WORDS].shape[0], ids.size)
        distinct[:len(words)], found[words] = words, np.arange(len(words))
        with Context(TRAINING=1):
            return own(*map(tensor, (distinct, place.reshape(ids.shape), found, mask, labels)))

    def logits(self, ids, mask):
        from tinygrad import TinyJit
        own = self.forwards.setdefault(
            ids.shape, TinyJit(lambda ids, mask: self.encoder(self.encoder.p[WORDS][ids], mask).realize()))
        return own(tensor(ids), tensor(mask)).numpy()


def tensor(array):
    from tinygrad import Tensor
    return Tensor(array.astype(np.int32)).realize()


def main():
    spec = read(sys.argv[1])
    data = read(spec["data"])
    choose_backend(spec)
    from tinygrad import Device
    device = Device[Device.DEFAULT]
    imported = resident_peak()
    config, parameters = weights(spec["folder"])
    proof = Training(config | {"hidden_dropout_prob": 0.0}, parameters)
    wrong = prove_logits(spec, proof.logits)
    wrong_steps = prove_steps(spec, lambda *batch: [x.item() for x in proof.step(*batch)])
    del proof

    model = Training(config, parameters)
    ids, labels = data["train_ids"], np.array(data["train_labels"])
    batches = training_batches(spec, ids)

    def train(rows):
        batch, mask = padded(rows, ids, WIDTHS)
        model.step(batch, mask, labels[rows])
        return batch.shape[1]

    for rows in {padded(b, ids, WIDTHS)[0].shape[1]: b for b in batches}.values():
        for _ in range(3):  # as it is, captured, replayed
            train(rows)
    device.synchronize()
    begin = time.perf_counter()
    widths = [train(rows) for rows in batches]
    device.synchronize()
    train_s = time.perf_counter() - begin

    groups = evaluation_batches(spec, data["test_ids"])

    def evaluate(rows):
        return model.logits(*padded(rows, data["test_ids"], WIDTHS)).argmax(1)
    for rows in {(len(b), padded(b, data["test_ids"], WIDTHS)[0].shape[1]): b for b in groups}.values():
        for _ in range(3):
            evaluate(rows)
    begin = time.perf_counter()
    found = [evaluate(rows) for rows in groups]
    eval_s = time.perf_counter() - begin
    assert sum(map(len, found)) == spec["eval_rows"]
    tell(spec, data, train_s=train_s, eval_s=eval_s, batches=list(zip(batches, widths)), import_bytes=imported,
         logits_error=wrong, steps_error=wrong_steps)


if __name__ == "__main__":
    main()
