"""The only file that knows OpenVINO: a model's bytes become a finder of people, vehicles and bikes.

OpenVINO's package reports its own import to a service on the internet by a thread that it starts (openvino-telemetry,
through its model converter). Neither is ever loaded here: what a guarded branch runs speaks with nobody.
Flow: server.py -> here -> heads.py.
"""

import sys
from typing import Final

import numpy as np

from agent.people import heads
from agent.video.words import Box

BLOCKED: Final = ("openvino_telemetry", "openvino.tools")
"""Modules that must not be imported in this process, by anything."""

for _name in BLOCKED:
    sys.modules.setdefault(_name, None)  # type: ignore[arg-type]  # None: an import of it fails, and OpenVINO goes on

try:
    import openvino  # type: ignore[import-untyped]  # only once what reports is out of reach
except ImportError:  # the extra "people" is not installed
    openvino = None


class ModelError(Exception):
    """These bytes are no model that we know how to read."""


class NoRuntimeError(ModelError):
    """OpenVINO is not installed: the extra `people` is missing."""


class Finder:
    """One loaded model. For one thread."""

    def __init__(self, xml: bytes, weights: bytes, threads: int = 1) -> None:
        """Load it.

        Raises:
            NoRuntimeError: there is no OpenVINO.
            ModelError: it cannot be read, or has outputs that are not known here.
        """
        if openvino is None:
            raise NoRuntimeError("OpenVINO is not installed: the extra `people` is missing")
        try:
            core = openvino.Core()
            model = core.read_model(model=xml, weights=weights)
            names = {name for output in model.outputs for name in output.get_names()}
            shape = model.input(0).get_partial_shape()
            self.height, self.width = shape[2].get_length(), shape[3].get_length()
            steps = openvino.preprocess.PrePostProcessor(model)
            steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
            steps.input().model().set_layout(openvino.Layout("NCHW"))
            compiled = core.compile_model(steps.build(), "CPU", _settings(threads))
        except (RuntimeError, ValueError, IndexError) as problem:
            raise ModelError(str(problem).partition("\n")[0][:200]) from problem
        if not ({"boxes", "labels"} <= names or "detection_out" in names):
            raise ModelError(f"its outputs are {', '.join(sorted(names))[:200]}")
        self._overlapping = "boxes" in names
        self._request = compiled.create_infer_request()

    def find(self, picture: heads.Frame) -> tuple[Box, ...]:
        """What is in a picture of exactly `height` x `width` x 3, BGR.

        Raises:
            ModelError: the runtime gave up.
        """
        try:
            self._request.infer([openvino.Tensor(np.ascontiguousarray(picture[np.newaxis]), shared_memory=True)])
            if self._overlapping:
                corners = self._request.get_tensor("boxes").data
                return heads.atss(corners, self._request.get_tensor("labels").data, self.width, self.height)
            return heads.ssd(self._request.get_tensor("detection_out").data.reshape(-1, 7))
        except RuntimeError as problem:
            raise ModelError(str(problem).partition("\n")[0][:200]) from problem


def _settings(threads: int) -> dict[str, object]:
    """One picture at a time in so many threads, which the system may move: other programs share these cores.

    Arithmetic in full precision where the model has no integers: half precision depends on the processor, and what was
    measured on one machine should hold on another.
    """
    return {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": False,
        "INFERENCE_PRECISION_HINT": "f32",
    }
