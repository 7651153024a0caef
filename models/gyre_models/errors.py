"""Why a model cannot be had."""


class ModelError(Exception):
    """Says in one line what is wrong with a model and what would be right."""
