"""A biaffine parser in PyTorch (Dozat and Manning 2017) upon an encoder of transformers: what harness's head of trees is
compared with. Its tensors bear the names of harness's checkpoints."""
import torch
from torch import nn
from transformers import AutoModel

NONE = -100  # no head is known: neither loss nor gradient


class Parser(nn.Module):
    def __init__(self, config, dropout=0.0):
        super().__init__()
        self.config = config
        self.prefix = {"distilbert": "distilbert"}.get(config.model_type, config.model_type)
        plain = {} if config.model_type in ("electra", "distilbert") else {"add_pooling_layer": False}
        self.add_module(self.prefix, AutoModel.from_config(config, **plain))
        h, a, e, c = config.hidden_size, config.arc_size, config.relation_size, config.num_labels
        self.parser = nn.ModuleDict({
            "arc_dependent": nn.Linear(h, a), "arc_head": nn.Linear(h, a), "relation_dependent": nn.Linear(h, e),
            "relation_head": nn.Linear(h, e), "arc": nn.Linear(a, a), "relation": nn.Linear(e, c * e),
            "relation_linear": nn.Linear(e, c)})
        self.dropout = dropout

    def part(self, name, x):
        """A dense layer with GELU; one mask of dropout for all nodes of a sentence."""
        y = nn.functional.gelu(self.parser[name](x))
        if self.training and self.dropout:
            keep = torch.rand(y.shape[0], 1, y.shape[2], device=y.device) >= self.dropout
            y = y * keep / (1 - self.dropout)
        return y

    def forward(self, input_ids, attention_mask, places, nodes, heads=None, relations=None, **columns):
        """places, heads, relations (B, N): tokens of the nodes, the root first; nodes (B) how many there are.
        Gives loss, hidden states, arcs (B, N, N), relations (B, N, N, C) of every node and every head."""
        out = getattr(self, self.prefix)(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True, **columns)
        width = places.shape[1]
        x = out.last_hidden_state.gather(1, places[:, :, None].expand(-1, -1, self.config.hidden_size))
        behind = torch.arange(width)[None, :] >= nodes[:, None]
        arcs = self.parser["arc"](self.part("arc_dependent", x)) @ self.part("arc_head", x).transpose(1, 2)
        arcs = arcs.masked_fill(behind[:, None, :], -1e30)
        dependent, head = self.part("relation_dependent", x), self.part("relation_head", x)
        bilinear = self.parser["relation"](dependent).unflatten(-1, (self.config.num_labels, self.config.relation_size))
        scores = torch.einsum("bnce,bme->bnmc", bilinear, head) + self.parser["relation_linear"](dependent)[:, :, None, :]
        loss = None
        if heads is not None:
            known = heads != NONE
            at_head = scores.gather(2, heads.clamp_min(0)[:, :, None, None].expand(-1, -1, 1, scores.shape[-1]))[:, :, 0]
            loss = nn.functional.cross_entropy(arcs[known], heads[known]) + \
                nn.functional.cross_entropy(at_head[known], relations[known])
        return loss, out.hidden_states, arcs, scores
