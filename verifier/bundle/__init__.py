"""A proof and its renderings → a folder that others can check with stock tools, whole or not at all.

A drill uses it in this order: `claim` its scenario's folder, `reserve` room before the first byte is restored, and
`write_bundle` when everything is known. What lies in REPORTS otherwise is left alone.
"""

from verifier.bundle.claim import claim
from verifier.bundle.folder import BundleFolder, bundle_folders, kept_manifest
from verifier.bundle.overview import index_rows
from verifier.bundle.place import bundle_name
from verifier.bundle.reservation import RESERVED_BYTES, Reservation, reserve
from verifier.bundle.writing import NAMESPACE, write_bundle, write_reports

__all__ = [
    "NAMESPACE",
    "RESERVED_BYTES",
    "BundleFolder",
    "Reservation",
    "bundle_folders",
    "bundle_name",
    "claim",
    "index_rows",
    "kept_manifest",
    "reserve",
    "write_bundle",
    "write_reports",
]
