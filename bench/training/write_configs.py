"""Writes the configuration file of each shipped version to training/configs, from its manifest.

python -m bench.training.write_configs
"""

from pathlib import Path

import tomli_w

from training.export.artifact import list_pretrained, read_manifest
from training.fit.config_file import CONFIGS_DIR, describe_version


def write_config(name: str, folder: Path) -> str:
    """Return the text of a version's configuration file."""
    config = describe_version(read_manifest(folder))
    origin = (" --start-from PARENT" if config.parent else "") + " --teacher TEACHER" * len(config.teachers)
    heading = (
        f"# How `{name}` was trained. To train one like it:\n"
        f"#   emoscope train --config training/configs/{name}.toml --csv fer2013.csv --votes votes.csv{origin}\n"
    )
    return heading + tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))


def main() -> None:
    """Write all files."""
    for name, folder in list_pretrained().items():
        (CONFIGS_DIR / f"{name}.toml").write_text(write_config(name, folder), encoding="utf-8")


if __name__ == "__main__":
    main()
