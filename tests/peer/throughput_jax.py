"""One contender of throughput.py in JAX, in a process of its own: trains and evaluates, prints one JSON line.

    python throughput_jax.py SPEC.json

Contenders: jax, jax+bf16 (factors of products in bf16). BERT is written out, since transformers has no models in JAX any more:
one jitted function a step with all buffers donated, batches of neighbours in length, padded to a multiple of 8 (XLA compiles
each width once, before the clock starts), AdamW and clipping as in the loop of throughput_torch.py.
"""
import functools
import os
import sys
import time

import numpy as np

from throughput_work import (CLIP, DECAY, EPS, RATE, evaluation_batches, is_decayed, need, padded, precision, prove_logits, prove_steps,
                             read, resident_peak, tell, training_batches, weights)

need("jax")
import jax  # noqa: E402: it may not be here
import jax.numpy as jnp  # noqa: E402

WIDTHS = 8  # multiples of it


def product(x, w, kind):
    """x (..., K) by w (N, K), as checkpoints keep it."""
    if kind == "bf16":
        x, w = x.astype(jnp.bfloat16), w.astype(jnp.bfloat16)
    return jax.lax.dot_general(x, w, (((x.ndim - 1,), (1,)), ((), ())), preferred_element_type=jnp.float32)


def norm(p, name, x):
    centred = x - x.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred ** 2).mean(-1, keepdims=True) + 1e-12) * p[name + ".weight"] + p[name + ".bias"]


class Encoder:
    """Logits of a batch; every dropout has the rate, 0 where nothing is dropped."""

    def __init__(self, config, kind, rate):
        self.layers, self.heads, self.kind, self.rate = config["num_hidden_layers"], config["num_attention_heads"], kind, rate

    def linear(self, p, name, x):
        return product(x, p[name + ".weight"], self.kind) + p[name + ".bias"]

    def drop(self, x):
        if not self.rate:
            return x
        self.key, own = jax.random.split(self.key)
        return jnp.where(jax.random.bernoulli(own, 1 - self.rate, x.shape), x / (1 - self.rate), 0)

    def attention(self, p, layer, x, bias):
        rows, width, hidden = x.shape
        q, k, v = (self.linear(p, f"{layer}.attention.self.{n}", x).reshape(rows, width, self.heads, -1).transpose(0, 2, 1, 3)
                   for n in ("query", "key", "value"))
        factor = jnp.bfloat16 if self.kind == "bf16" else jnp.float32
        scores = jnp.einsum("bhqd,bhkd->bhqk", q.astype(factor), k.astype(factor), preferred_element_type=jnp.float32)
        share = self.drop(jax.nn.softmax(scores / (hidden // self.heads) ** 0.5 + bias))
        mixed = jnp.einsum("bhqk,bhkd->bhqd", share.astype(factor), v.astype(factor), preferred_element_type=jnp.float32)
        return self.linear(p, layer + ".attention.output.dense", mixed.transpose(0, 2, 1, 3).reshape(rows, width, hidden))

    def __call__(self, p, ids, mask, key=None):
        self.key = key
        place = "bert.embeddings."
        x = p[place + "word_embeddings.weight"][ids] + p[place + "position_embeddings.weight"][:ids.shape[1]]
        x = self.drop(norm(p, place + "LayerNorm", x + p[place + "token_type_embeddings.weight"][0]))
        bias = jnp.where(mask, 0.0, -1e9)[:, None, None, :]
        for i in range(self.layers):
            layer = f"bert.encoder.layer.{i}"
            x = norm(p, layer + ".attention.output.LayerNorm", x + self.drop(self.attention(p, layer, x, bias)))
            wide = jax.nn.gelu(self.linear(p, layer + ".intermediate.dense", x), approximate=False)
            x = norm(p, layer + ".output.LayerNorm", x + self.drop(self.linear(p, layer + ".output.dense", wide)))
        return self.linear(p, "classifier", self.drop(jnp.tanh(self.linear(p, "bert.pooler.dense", x[:, 0]))))


def updated(state, grads):
    """AdamW after clipping; (state, gradient norm)."""
    p, m, v, count = state
    size = jnp.sqrt(sum((g ** 2).sum() for g in grads.values()))
    scale, count = jnp.minimum(1.0, CLIP / (size + 1e-6)), count + 1
    first, second = 1 - 0.9 ** count, 1 - 0.999 ** count
    m = {n: 0.9 * m[n] + 0.1 * scale * g for n, g in grads.items()}
    v = {n: 0.999 * v[n] + 0.001 * (scale * g) ** 2 for n, g in grads.items()}
    p = {n: w * (1 - RATE * DECAY * is_decayed(n)) - RATE * m[n] / first / (jnp.sqrt(v[n] / second) + EPS) for n, w in p.items()}
    return (p, m, v, count), size


def step_of(config, kind, rate):
    encoder = Encoder(config, kind, rate)

    @functools.partial(jax.jit, donate_argnums=0)
    def step(state, ids, mask, labels, key):
        def loss_of(p):
            chances = jax.nn.log_softmax(encoder(p, ids, mask, key))
            return -jnp.take_along_axis(chances, labels[:, None], 1).mean()
        loss, grads = jax.value_and_grad(loss_of)(state[0])
        state, size = updated(state, grads)
        return state, loss, size
    return step


def fresh(parameters):
    def zeros():
        return {n: jnp.zeros_like(w) for n, w in parameters.items()}
    return {n: jnp.array(w) for n, w in parameters.items()}, zeros(), zeros(), jnp.float32(0)


def whole(array):
    return array.astype(np.int32)


def main():
    spec = read(sys.argv[1])
    data = read(spec["data"])
    # each round would compile the same again
    jax.config.update("jax_compilation_cache_dir", os.path.join(spec["cache"], "jax"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
    jax.config.update("jax_default_prng_impl", "rbg")  # what it draws by faster
    imported = resident_peak()
    config, parameters = weights(spec["folder"])
    parameters = {n: jnp.asarray(w) for n, w in parameters.items()}
    kind = precision(spec["contender"])
    forward = jax.jit(Encoder(config, kind, 0.0))
    wrong = prove_logits(spec, lambda ids, mask: forward(parameters, whole(ids), whole(mask)))
    state, still = fresh(parameters), step_of(config, kind, 0.0)

    def proof_step(ids, mask, labels):
        nonlocal state
        state, *found = still(state, whole(ids), whole(mask), whole(labels), jax.random.key(0))
        return found
    wrong_steps = prove_steps(spec, proof_step)

    state, step, key = fresh(parameters), step_of(config, kind, config["hidden_dropout_prob"]), jax.random.key(spec["seed"])
    ids, labels = data["train_ids"], np.array(data["train_labels"], np.int32)
    batches = training_batches(spec, ids)

    def train(rows, number):
        nonlocal state
        batch, mask = padded(rows, ids, WIDTHS)
        state, loss, _ = step(state, whole(batch), whole(mask), labels[rows], jax.random.fold_in(key, number))
        return loss, batch.shape[1]

    for rows in {padded(b, ids, WIDTHS)[0].shape[1]: b for b in batches}.values():
        train(rows, 0)
    jax.block_until_ready(state)
    begin = time.perf_counter()
    widths = [train(rows, number)[1] for number, rows in enumerate(batches)]
    jax.block_until_ready(state)
    train_s = time.perf_counter() - begin

    groups = evaluation_batches(spec, data["test_ids"])

    def evaluate(rows):
        return np.asarray(forward(state[0], *map(whole, padded(rows, data["test_ids"], WIDTHS)))).argmax(1)
    for rows in {(len(b), padded(b, data["test_ids"], WIDTHS)[0].shape[1]): b for b in groups}.values():
        evaluate(rows)
    begin = time.perf_counter()
    found = [evaluate(rows) for rows in groups]
    eval_s = time.perf_counter() - begin
    assert sum(map(len, found)) == spec["eval_rows"]
    tell(spec, data, train_s=train_s, eval_s=eval_s, batches=list(zip(batches, widths)), import_bytes=imported,
         logits_error=wrong, steps_error=wrong_steps)


if __name__ == "__main__":
    main()
