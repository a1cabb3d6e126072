#!/usr/bin/env python3
"""Reads the event files of a run made now as TensorBoard itself does: scalars, the text of the arguments, and what its hparams
page shows, all against the run's record.

    tests/peer/tensorboard_events.py PROGRAM
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from tensorboard import context
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUCCESS = 1


def session_of(folder):
    """The hparams page's one session group, and the names of its columns."""
    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(folder))
    hparams = backend_context.Context(base_plugin.TBContext(data_provider=provider, logdir=str(folder)))
    request = context.RequestContext()
    experiment = hparams.experiment_from_metadata(request, "", True, hparams.hparams_metadata(request, ""),
                                                  hparams.hparams_from_data_provider(request, "", None))
    columns = [api_pb2.ColParams(metric=m.name) for m in experiment.metric_infos]
    wanted = api_pb2.ListSessionGroupsRequest(start_index=0, slice_size=10, allowed_statuses=[0, 1, 2, 3], col_params=columns)
    groups = list_session_groups.Handler(request, hparams, "", wanted).run().session_groups
    assert len(groups) == 1 and len(groups[0].sessions) == 1, groups
    return groups[0], {h.name for h in experiment.hparam_infos}


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release/harness"
    with tempfile.TemporaryDirectory() as made:
        out = pathlib.Path(made)
        subprocess.run([program, "run", "--task", "kor_hate", "--sample", "--model", "tiny", "--device", "cpu", "--max-steps", "6",
                        "--protocol", "dev", "--eval-steps", "3", "--tensorboard", "-o", out, "-q"], check=True,
                       stdout=subprocess.DEVNULL)
        record = json.loads((out / "record.json").read_text())
        read = EventAccumulator(str(out / "tensorboard"))
        read.Reload()
        text = read.Tensors("args/text_summary")[0].tensor_proto.string_val[0].decode()
        arguments = json.loads(text.removeprefix("```json\n").removesuffix("\n```\n"))
        scores = {name: read.Scalars(f"test/{name}")[-1].value for name in record["metrics"]}
        group, columns = session_of(out)
    assert (arguments["task"], arguments["seed"]) == ("kor_hate", 42), arguments
    left_to_the_run = (0, -1)  # the record has what it took
    for name, value in record["recipe"].items():
        assert arguments[name] == value or arguments[name] in left_to_the_run, (name, value, arguments[name])
    for name, value in record["metrics"].items():
        assert np.float32(value) == np.float32(scores[name]), (name, value, scores[name])
    assert columns == set(arguments), columns ^ set(arguments)
    for name, value in arguments.items():
        kind = group.hparams[name].WhichOneof("kind")
        assert getattr(group.hparams[name], kind) == value, (name, value, group.hparams[name])
    shown = {m.name.tag: m.value for m in group.metric_values}
    assert all(np.float32(shown[f"test/{n}"]) == np.float32(v) for n, v in record["metrics"].items()), shown
    assert group.sessions[0].status == SUCCESS, group.sessions[0]
    print(f"TensorBoard: {len(scores)} test scores, {len(columns)} hyperparameters, the arguments as a text")


if __name__ == "__main__":
    main()
