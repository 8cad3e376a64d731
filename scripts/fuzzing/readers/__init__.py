"""The readers that can be fuzzed, by name."""

from scripts.fuzzing.reader import Reader
from scripts.fuzzing.readers.arrays import Arrays
from scripts.fuzzing.readers.keras_archives import KerasArchives
from scripts.fuzzing.readers.manifests import Manifests
from scripts.fuzzing.readers.onnx_models import OnnxModels
from scripts.fuzzing.readers.option_texts import OptionTexts
from scripts.fuzzing.readers.packages import Packages
from scripts.fuzzing.readers.pictures import Pictures
from scripts.fuzzing.readers.plugins import Plugins
from scripts.fuzzing.readers.programs import Programs
from scripts.fuzzing.readers.recipes import Recipes
from scripts.fuzzing.readers.targets import Targets
from scripts.fuzzing.readers.tflite_files import TfliteFiles
from scripts.fuzzing.readers.tflite_sources import TfliteSources

READERS: dict[str, type[Reader]] = {
    reader.name: reader
    for reader in (
        OnnxModels, TfliteFiles, Arrays, Pictures, Recipes, Manifests, Packages, Programs, OptionTexts, Plugins,
        Targets, TfliteSources, KerasArchives,
    )
}  # fmt: skip

__all__ = ["READERS"]
