"""A model of our own for MLServer: doubles numbers, echoes text."""
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.errors import InferenceError
from mlserver.types import InferenceResponse


class Arithmetic(MLModel):
    async def load(self) -> bool:
        return True

    async def predict(self, payload):
        print(f"inference of {self.name}", flush=True)
        return InferenceResponse(model_name=self.name, model_version=self.version, id=payload.id,
                                 outputs=[self.answer(i) for i in payload.inputs])

    def answer(self, tensor):
        if tensor.datatype == "BYTES":
            return StringCodec.encode_output("echo", StringCodec.decode_input(tensor))
        if tensor.datatype == "FP32":
            return NumpyCodec.encode_output("doubled", NumpyCodec.decode_input(tensor) * 2)
        raise InferenceError(f"{tensor.datatype} is not for arithmetic")
