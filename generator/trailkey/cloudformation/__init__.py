"""CloudFormation text, both ways, for everything that writes or reads a template or a policy."""

from trailkey.cloudformation.emitter import dump_json, dump_yaml
from trailkey.cloudformation.reader import load
from trailkey.cloudformation.yaml_reader import MAX_DEPTH

__all__ = ["MAX_DEPTH", "dump_json", "dump_yaml", "load"]
