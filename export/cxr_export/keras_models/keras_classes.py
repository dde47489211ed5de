"""Keras classes that a model's description may name: those that only compute.

Left out on purpose: layers that are code or load some (Lambda, TFSMLayer, TorchModuleWrapper,
JaxLayer, FlaxLayer), layers that read a file by a name in the description (StringLookup,
IntegerLookup, TextVectorization), and operations that call a function.
"""

from collections.abc import Mapping
from typing import Final


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NETWORKS: Final = _names("Functional Model Sequential")

_LAYERS: Final = _names("""
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D
    AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add
    AdditiveAttention AlphaDropout Attention AugMix AutoContrast Average AveragePooling1D
    AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D BatchNormalization
    Bidirectional CategoryEncoding CenterCrop Concatenate
    ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D Conv2DTranspose
    Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Convolution1D Convolution1DTranspose
    Convolution2D Convolution2DTranspose Convolution3D Convolution3DTranspose Cropping1D
    Cropping2D Cropping3D CutMix Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout
    ELU EinsumDense Embedding Equalization Flatten GRU GRUCell GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D
    GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D
    GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization
    GroupQueryAttention Identity InputLayer LSTM LSTMCell LayerNormalization LeakyReLU Masking
    MaxPool1D MaxPool2D MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D Maximum Minimum MixUp
    MultiHeadAttention Multiply Normalization PReLU Permute Pipeline RMSNormalization RNN
    RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast
    RandomCrop RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale
    RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation RandomSaturation
    RandomSharpness RandomShear RandomTranslation RandomZoom ReLU RepeatVector Rescaling Reshape
    Resizing SeparableConv1D SeparableConv2D SeparableConvolution1D SeparableConvolution2D
    SimpleRNN SimpleRNNCell Softmax Solarization SpatialDropout1D SpatialDropout2D
    SpatialDropout3D SpectralNormalization StackedRNNCells Subtract TimeDistributed
    UnitNormalization UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D
    ZeroPadding3D
""")

_INITIALIZERS: Final = _names("""
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer
    LecunNormal LecunUniform Ones Orthogonal OrthogonalInitializer RandomNormal RandomUniform
    TruncatedNormal VarianceScaling Zeros
""")

_REGULARIZERS: Final = _names("L1 L1L2 L2 OrthogonalRegularizer")
_CONSTRAINTS: Final = _names("MaxNorm MinMaxNorm NonNeg UnitNorm")

_POLICIES: Final = _names("""
    DTypePolicy DTypePolicyMap FloatDTypePolicy QuantizedDTypePolicy QuantizedFloat8DTypePolicy
""")

_OPTIMIZERS: Final = _names("""
    Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion LossScaleOptimizer Muon Nadam
    RMSprop SGD
""")

_LOSSES: Final = _names("""
    BinaryCrossentropy BinaryFocalCrossentropy CategoricalCrossentropy
    CategoricalFocalCrossentropy CategoricalHinge CosineSimilarity Dice Hinge Huber KLDivergence
    LogCosh MeanAbsoluteError MeanSquaredError Poisson SparseCategoricalCrossentropy SquaredHinge
    Tversky
""")

_METRICS: Final = _names("""
    AUC Accuracy BinaryAccuracy BinaryCrossentropy CategoricalAccuracy CategoricalCrossentropy
    F1Score FBetaScore FalseNegatives FalsePositives Mean MeanMetricWrapper MeanSquaredError
    Precision PrecisionAtRecall Recall RecallAtPrecision SensitivityAtSpecificity
    SparseCategoricalAccuracy SparseCategoricalCrossentropy SpecificityAtSensitivity Sum
    TopKCategoricalAccuracy TrueNegatives TruePositives
""")

_CORE_OPERATIONS: Final = _names("""
    Cast ConvertToTensor SaturateCast Scatter ScatterUpdate Slice SliceUpdate StopGradient Unstack
""")

CLASSES: Final[Mapping[str, frozenset[str]]] = {
    "keras": _names("DTypePolicy FloatDTypePolicy Model Sequential"),
    "keras.models": _names("Model Sequential"),
    "keras.src.models.functional": _names("Functional"),
    "keras.layers": _LAYERS,
    "keras.src.applications.convnext": _names("LayerScale"),
    "keras.initializers": _INITIALIZERS,
    "keras.regularizers": _REGULARIZERS,
    "keras.constraints": _CONSTRAINTS,
    "keras.dtype_policies": _POLICIES,
    "keras.optimizers": _OPTIMIZERS,
    "keras.losses": _LOSSES,
    "keras.metrics": _METRICS,
    "keras.src.ops.core": _CORE_OPERATIONS,
}
"""Classes by the module under which a description names them."""

OPERATION_MODULES: Final = _names("""
    keras.src.ops.image keras.src.ops.math keras.src.ops.nn keras.src.ops.numpy
""")
"""Modules all of whose classes are operations on arrays, such as ``x / 255`` in a network."""

LEGACY_CLASSES: Final = (
    _NETWORKS | _LAYERS | _INITIALIZERS | _REGULARIZERS | _CONSTRAINTS | _POLICIES | {"Policy"}
)
"""Classes that a description may name without a module, as ``.h5`` files do."""

VALUES: Final = _names("""
    __keras_tensor__ __tensor__ __numpy__ __bytes__ __ellipsis__ __slice__ __tuple__ TensorShape
""")
"""Names that stand for a value in place of a class."""

FUNCTION: Final = "function"
"""Name that stands for a function in place of a class."""

FUNCTION_MODULES: Final = _names("builtins keras.activations")
"""Modules under which a description names Keras' own functions."""

FUNCTIONS: Final = _names("""
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh
    leaky_relu linear log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink
    softmax softplus softsign sparse_plus sparse_sigmoid sparsemax squareplus swish tanh
    tanh_shrink threshold
""")
"""Activations that a description may name."""
