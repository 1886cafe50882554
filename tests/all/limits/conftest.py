import importlib.util
import pathlib
import sys

E2E = pathlib.Path(__file__).resolve().parents[2] / "e2e"
sys.path.insert(0, str(E2E))
# Its fixtures, under another name than the one that this file has.
spec = importlib.util.spec_from_file_location("e2e_conftest", E2E / "conftest.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
globals().update({k: v for k, v in vars(module).items() if not k.startswith("__")})
