"""TensorFlow operations that a SavedModel may run: those that compute a result from an image.

Left out on purpose: whatever reads or writes files, prints, queues, calls Python or another
machine, draws random numbers, or changes a variable.
"""

from typing import Final

_ELEMENTWISE: Final = """
    Abs Acos Acosh Add AddN AddV2 Asin Asinh Atan Atan2 Atanh BiasAdd BiasAddV1 Cast Ceil
    ClipByValue Complex ComplexAbs Cos Cosh Div DivNoNan Elu Erf Erfc Erfinv Exp Expm1 Floor
    FloorDiv FloorMod Imag Inv IsFinite IsInf IsNan LeakyRelu Lgamma Log Log1p LogSoftmax Maximum
    Minimum Mod Mul MulNoNan Neg Pow Real RealDiv Reciprocal Relu Relu6 Rint Round Rsqrt Selu
    Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt Square SquaredDifference Sub Tan Tanh
    TruncateDiv TruncateMod Xdivy Xlog1py Xlogy
"""
_LOGIC: Final = """
    ApproximateEqual Equal Greater GreaterEqual Less LessEqual LogicalAnd LogicalNot LogicalOr
    NotEqual Select SelectV2 Where
"""
_LAYERS: Final = """
    AvgPool AvgPool3D BatchMatMul BatchMatMulV2 BatchMatMulV3 BatchNormWithGlobalNormalization
    Conv Conv2D Conv2DBackpropInput Conv2DBackpropInputV2 Conv3D Conv3DBackpropInputV2
    DepthwiseConv2dNative Dilation2D Einsum FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3
    L2Loss LRN MatMul MaxPool MaxPool3D MaxPoolV2
"""
_SHAPE: Final = """
    BatchToSpace BatchToSpaceND BroadcastArgs BroadcastTo Concat ConcatV2 DepthToSpace
    DynamicPartition DynamicStitch EnsureShape ExpandDims ExtractImagePatches Fill Gather GatherNd
    GatherV2 InvertPermutation LinSpace MatrixBandPart MirrorPad OneHot OnesLike Pack Pad PadV2
    ParallelDynamicStitch Range Rank Reshape Reverse ReverseSequence ReverseV2 Roll ScatterNd Shape
    ShapeN Size Slice SpaceToBatch SpaceToBatchND SpaceToDepth Split SplitV Squeeze StridedSlice
    TensorScatterAdd TensorScatterUpdate Tile Transpose Unpack ZerosLike
"""
_REDUCTIONS: Final = """
    All Any ArgMax ArgMin Bincount Cumprod Cumsum EuclideanNorm Max Mean Min Prod SegmentMax
    SegmentMean SegmentSum Sum TopK TopKV2 UnsortedSegmentMax UnsortedSegmentSum
"""
_IMAGES: Final = """
    AdjustContrastv2 CropAndResize HSVToRGB RGBToHSV ResizeArea ResizeBicubic ResizeBilinear
    ResizeNearestNeighbor ScaleAndTranslate
"""
_QUANTIZATION: Final = """
    Dequantize FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars
    FakeQuantWithMinMaxVarsPerChannel QuantizeAndDequantize QuantizeAndDequantizeV2
    QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 QuantizeV2
"""
_PLUMBING: Final = """
    Assert Bitcast CheckNumerics Const Identity IdentityN NoOp Placeholder PlaceholderWithDefault
    PreventGradient ReadVariableOp ResourceGather ResourceGatherNd Snapshot StopGradient
    VarHandleOp VarIsInitializedOp VariableShape
"""
_CALLS: Final = """
    Case If PartitionedCall StatefulPartitionedCall StatelessCase StatelessIf StatelessWhile While
"""
_LISTS_IN_LOOPS: Final = """
    EmptyTensorList TensorListElementShape TensorListFromTensor TensorListGetItem TensorListLength
    TensorListPopBack TensorListPushBack TensorListReserve TensorListSetItem TensorListStack
"""

COMPUTING: Final = frozenset(
    (
        _ELEMENTWISE + _LOGIC + _LAYERS + _SHAPE + _REDUCTIONS + _IMAGES + _QUANTIZATION
        + _PLUMBING + _CALLS + _LISTS_IN_LOOPS
    ).split()
)  # fmt: skip
"""Names of the operations."""
