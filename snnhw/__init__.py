"""The toolkit: trained spiking networks become Verilog that is proved equal to a golden model.

What most programs need is here, and imported when it is asked for: `import snnhw.network` loads the description and
nothing else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snnhw.data import load as load_data
    from snnhw.design import Design
    from snnhw.implementation import Implementation
    from snnhw.model import Model
    from snnhw.modelfile import save as save_model
    from snnhw.network import Network
    from snnhw.presets import resolve_model as load_model
    from snnhw.shipped import shipped_models
    from snnhw.verification import verify
    from snnhw.verilog import emit

__all__ = [
    "Design",
    "Implementation",
    "Model",
    "Network",
    "emit",
    "load_data",
    "load_model",
    "save_model",
    "shipped_models",
    "verify",
]

_PLACES = {
    "Design": ("design", "Design"),
    "Implementation": ("implementation", "Implementation"),
    "Model": ("model", "Model"),
    "Network": ("network", "Network"),
    "emit": ("verilog", "emit"),
    "load_data": ("data", "load"),
    "load_model": ("presets", "resolve_model"),
    "save_model": ("modelfile", "save"),
    "shipped_models": ("shipped", "shipped_models"),
    "verify": ("verification", "verify"),
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'snnhw' has no attribute '{name}'; it has {', '.join(__all__)}")
    module, attribute = _PLACES[name]
    return getattr(import_module(f"snnhw.{module}"), attribute)


def __dir__() -> list[str]:
    return __all__
