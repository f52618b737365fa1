"""How likely somebody speaks, per 32 ms: Silero VAD v6 through onnxruntime.

The model file comes with faster-whisper. Its wrapper there is for whole files and zeroes the
end of the caller's array, so the session is run here, with the state carried for each room.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vori.errors import Unavailable
from vori.transcribe.messages import Samples
from vori.transcribe.voice import FRAME_SAMPLES

CONTEXT_SAMPLES = 64
"""What the model wants to see of the frame before."""
MAX_FRAMES = 32
"""Frames per call, 1 s: more saves nothing and costs memory."""
MODEL = Path("assets") / "silero_vad_v6.onnx"

Room = Callable[[Samples], npt.NDArray[np.float32]]
"""Samples, shape (512 n,), to probabilities, shape (n,); remembers what it has heard."""


class Silero:
    """One shared session; `new_room` for each recording. Rooms may run in different threads.

    Raises Unavailable `voice_model_missing` when the model file or onnxruntime is not there.
    """

    def __init__(self, path: Path | None = None) -> None:
        path = path or shipped_model()
        if path is None or not path.is_file():
            raise Unavailable(
                "The voice detector's model (silero_vad_v6.onnx, part of faster-whisper) is "
                "missing; install VORI with its speech extra.",
                code="voice_model_missing",
            )
        try:
            import onnxruntime
        except ImportError as exc:
            raise Unavailable(
                "onnxruntime is missing; install VORI with its speech extra.",
                code="voice_model_missing",
            ) from exc
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )

    def new_room(self) -> Room:
        hidden = np.zeros((1, 1, 128), np.float32)
        cell = np.zeros((1, 1, 128), np.float32)
        context = np.zeros(CONTEXT_SAMPLES, np.float32)

        def probabilities(samples: Samples) -> npt.NDArray[np.float32]:
            nonlocal hidden, cell, context
            frames = samples.reshape(-1, FRAME_SAMPLES)
            found = np.empty(len(frames), np.float32)
            for at in range(0, len(frames), MAX_FRAMES):
                some = frames[at : at + MAX_FRAMES]
                seen = np.empty((len(some), CONTEXT_SAMPLES + FRAME_SAMPLES), np.float32)
                seen[:, CONTEXT_SAMPLES:] = some
                seen[0, :CONTEXT_SAMPLES] = context
                seen[1:, :CONTEXT_SAMPLES] = some[:-1, -CONTEXT_SAMPLES:]
                context = some[-1, -CONTEXT_SAMPLES:].copy()
                found[at : at + len(some)], hidden, cell = self._session.run(
                    None, {"input": seen, "h": hidden, "c": cell}
                )
            return found

        return probabilities


def shipped_model() -> Path | None:
    """The file inside faster-whisper, found without importing it (which takes 1 s)."""
    spec = find_spec("faster_whisper")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / MODEL
