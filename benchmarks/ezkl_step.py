"""One SGD step of an MLP 30-32-16-1, batch 64, as an ONNX graph proved by EZKL 23 (scale 12): the peer of `bench_ezkl`.

Runs in an environment of its own (`pip install ezkl==23.0.5 onnx numpy`). The only argument is a folder that holds
step.npz (x, y, w1, b2, ... as float64) and receives the files of the proof; a file `srs` in it is used again. Prints
one JSON line: seconds of each stage, peak memory, the updated weights.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import ezkl
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SCALE, RATE = 12, 0.1


def graph(arrays: dict[str, np.ndarray]) -> onnx.ModelProto:
    """x, y, weights -> weights after one step of gradient descent on the mean logistic loss."""
    nodes: list[onnx.NodeProto] = []

    def op(kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    op("MatMul", ["x", "w1"], "z1")
    op("Relu", ["z1"], "a1")
    op("MatMul", ["a1", "w2"], "z2m")
    op("Add", ["z2m", "b2"], "z2")
    op("Relu", ["z2"], "a2")
    op("MatMul", ["a2", "w3"], "z3m")
    op("Add", ["z3m", "b3"], "z3")
    op("Sigmoid", ["z3"], "p")
    op("Sub", ["p", "y"], "d3")
    for layer, below in ((3, 2), (2, 1)):
        op("Transpose", [f"w{layer}"], f"w{layer}t", perm=[1, 0])
        op("MatMul", [f"d{layer}", f"w{layer}t"], f"e{below}")
        op("Greater", [f"a{below}", "nought"], f"on{below}")
        op("Cast", [f"on{below}"], f"gate{below}", to=TensorProto.FLOAT)
        op("Mul", [f"e{below}", f"gate{below}"], f"d{below}")
    for layer, inputs in ((1, "x"), (2, "a1"), (3, "a2")):
        op("Transpose", [inputs], f"t{layer}", perm=[1, 0])
        op("MatMul", [f"t{layer}", f"d{layer}"], f"g{layer}")
        op("Mul", [f"g{layer}", "rate"], f"s{layer}")
        op("Sub", [f"w{layer}", f"s{layer}"], f"new_w{layer}")
    for layer in (2, 3):
        op("MatMul", ["ones", f"d{layer}"], f"h{layer}")
        op("Mul", [f"h{layer}", "rate"], f"c{layer}")
        op("Sub", [f"b{layer}", f"c{layer}"], f"new_b{layer}")
    batch = len(arrays["x"])
    constants = {
        "rate": np.array([RATE / batch], np.float32),
        "nought": np.array([0], np.float32),
        "ones": np.ones((1, batch), np.float32),
    }
    names = ["x", "y", "w1", "w2", "b2", "w3", "b3"]
    outputs = [f"new_{n}" for n in names[2:]]
    shape = {n: list(arrays[n].shape) for n in names}
    made = helper.make_graph(
        nodes,
        "step",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape[n]) for n in names],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape[n[4:]]) for n in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def main(folder: Path) -> None:
    arrays = dict(np.load(folder / "step.npz"))
    model, data, settings, circuit = (str(folder / n) for n in ("step.onnx", "step.json", "settings.json", "step.ezkl"))
    onnx.save(graph(arrays), model)
    names = ["x", "y", "w1", "w2", "b2", "w3", "b3"]
    Path(data).write_text(json.dumps({"input_data": [arrays[n].reshape(-1).tolist() for n in names]}))
    arguments = ezkl.PyRunArgs()
    arguments.input_scale = arguments.param_scale = SCALE
    # the cheapest setting: the data are not even committed to
    arguments.input_visibility, arguments.output_visibility, arguments.param_visibility = "private", "public", "fixed"
    taken: dict[str, float] = {}

    def timed(name: str, function: Callable[..., object], *values: object, **named: object) -> None:
        start = time.perf_counter()
        function(*values, **named)
        taken[name] = time.perf_counter() - start
        print(name, round(taken[name], 2), file=sys.stderr, flush=True)

    timed("settings", ezkl.gen_settings, model, settings, arguments)
    timed("calibrate", ezkl.calibrate_settings, data, model, settings, "accuracy", scales=[SCALE])
    timed("compile", ezkl.compile_circuit, model, circuit, settings)
    rows = json.loads(Path(settings).read_text())["run_args"]["logrows"]
    srs, vk, pk, witness, proof = (str(folder / n) for n in ("srs", "vk", "pk", "witness.json", "proof.json"))
    if not Path(srs).exists():
        timed("srs", ezkl.gen_srs, srs, rows)
    timed("witness", ezkl.gen_witness, data, circuit, witness)
    timed("setup", ezkl.setup, circuit, vk, pk, srs)
    timed("prove", ezkl.prove, witness, circuit, pk, proof, srs)
    timed("verify", ezkl.verify, proof, settings, vk, srs)
    outputs = json.loads(Path(witness).read_text())["pretty_elements"]["rescaled_outputs"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"seconds": taken, "log_rows": rows, "peak_gb": peak, "outputs": outputs}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
