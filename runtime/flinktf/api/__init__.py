"""The manifest: its types, its rules, how it is read."""

from flinktf.api.files import check_files
from flinktf.api.job import FlinkTFJob
from flinktf.api.load import LoadedManifest, load_manifest
from flinktf.api.notices import Notice, notices
from flinktf.api.problems import ManifestError, Problem

__all__ = [
    "FlinkTFJob",
    "LoadedManifest",
    "ManifestError",
    "Notice",
    "Problem",
    "check_files",
    "load_manifest",
    "notices",
]
