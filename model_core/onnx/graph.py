"""From a module to an ONNX model: one graph, and nothing in it that tells of the machine."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import onnx
import torch
from onnxscript import opset18 as op
from torch import Tensor, nn

from .. import __version__
from ..errors import OutputError

OPSET = 18
"""Of the operators: GridSample is there from 16 on, and 18 is the least that torch's exporter writes."""

IR_VERSION = 8
"""Of the file: that of ONNX 1.13 (2022), with which opset 18 came, so that whoever has these operators can
read it."""

BATCH = "batch"
MOST = 4096
"""Largest batch that the exporter is told of; the graph itself knows no limit."""


def to_onnx(
    module: nn.Module, inputs: Sequence[tuple[str, Tensor]], outputs: Sequence[str], title: str
) -> onnx.ModelProto:
    """Export a module; all that it takes and gives begins with the batch, which may have any size.

    Args:
        module: takes the inputs one by one (`*inputs`) and gives a tuple.
        inputs: a name and an example of each, of a batch of 2 or more: 1 would be taken for a constant.
        outputs: names.
        title: of the graph.

    Returns:
        The same bytes for the same module.

    Raises:
        OutputError: this version of torch cannot.
    """
    examples = tuple(value for _, value in inputs)
    batch = torch.export.Dim(BATCH, min=1, max=MOST)
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                module.eval(),
                examples,
                # The older exporter is ten times faster, but is on its way out, and where an operation asks
                # for the batch it fixes the example's without a word.
                dynamo=True,
                input_names=[name for name, _ in inputs],
                output_names=list(outputs),
                dynamic_shapes=(tuple({0: batch} for _ in examples),),
                custom_translation_table={torch.ops.aten.sort.stable: _stable_sort},
                opset_version=OPSET,
                external_data=False,
                verbose=False,
            )
    except (RuntimeError, TypeError) as error:
        reason = (str(error.__cause__ or error).split("\n\n") or [""])[0]
        raise OutputError(
            f"torch {torch.__version__} could not export '{title}' ({' '.join(reason.split())[:300]}); "
            "install a newer torch with pip install 'hydranet[onnx]' --upgrade, or leave it out with "
            "--experts."
        ) from error
    model = cleaned(program.model_proto, title)
    onnx.checker.check_model(model, full_check=True)
    return model


def cleaned(model: onnx.ModelProto, title: str) -> onnx.ModelProto:
    """The graph without what the exporter adds for its own: source lines, folders, shapes in between."""
    graph = model.graph
    model.ir_version = IR_VERSION
    model.producer_name, model.producer_version = "hydranet", __version__
    model.domain, model.doc_string, model.model_version = "", "", 0
    graph.name, graph.doc_string = title, ""
    del graph.value_info[:]
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = BATCH
    return model


def described(model: onnx.ModelProto) -> dict[str, list[dict[str, Any]]]:
    """Inputs and outputs of a model: name, shape and type of each."""

    def each(values: Sequence[onnx.ValueInfoProto]) -> list[dict[str, Any]]:
        return [
            {
                "name": value.name,
                "shape": [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim],
                "dtype": onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name,
            }
            for value in values
        ]

    return {"inputs": each(model.graph.input), "outputs": each(model.graph.output)}


def _stable_sort(x: Any, stable: bool = False, dim: int = -1, descending: bool = False) -> Any:
    """`torch.sort`, which the exporter does not know in its stable form: of equals, TopK takes the first."""
    size = op.Reshape(op.Gather(op.Shape(x), op.Constant(value_int=dim)), op.Constant(value_ints=[1]))
    return op.TopK(x, size, axis=dim, largest=descending, sorted=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter has to say of libraries that nobody asked for, and of its own names."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
