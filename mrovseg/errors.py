"""What goes wrong in the model wing, for its users to catch."""


class ModelError(Exception):
    """Any fault of the model wing."""


class ModelConfigError(ModelError):
    """A network cannot be made as it is described."""


class VocabularyError(ModelError):
    """Classes that cannot be read, or that the text tower cannot know."""


class ProposalsError(ModelError):
    """Arrays that are no proposals of this network's chips."""


class CheckpointError(ModelError):
    """Weights that are missing, damaged or not of this network."""


class DeviceLostError(ModelError):
    """A GPU that failed, and with it everything that its process will ask of it."""


class DeviceMissingError(ModelError):
    """A GPU that was to be there and is not."""


class DataError(ModelError):
    """Training or evaluation data that is not as its definition says."""
