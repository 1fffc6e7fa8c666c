"""The mistakes that people make in gradients, one small function each.

A hypothesis does not read code. It says: if this mistake was made, the gradient looks like
that. What it looks like is compared with what was found, and the hypothesis that explains
most is the diagnosis. The order of the table is that of simplicity: of two that explain
equally much, the first is taken.
"""

from nst_numpy.gradcheck.hypotheses import elementwise, order, parts, scale, terms, upstream
from nst_numpy.gradcheck.hypotheses.guess import Guess, Hypothesis

__all__ = ["HYPOTHESES", "SHAPES", "Guess", "Hypothesis"]

NOT_SUMMED = Hypothesis(
    "not-summed",
    "What is broadcast forward (a bias meets every position) is summed backward, over exactly the "
    "axes along which it was repeated.",
    parts.not_summed,
)
SUMMED_TOO_MUCH = Hypothesis(
    "summed-too-much",
    "A gradient has the shape of its argument: sum only over axes that the argument lacks.",
    parts.summed_too_much,
)
SWAPPED = Hypothesis(
    "arguments-swapped",
    "Return the gradients in the order of the arguments.",
    order.arguments_swapped,
)
TRANSPOSED = Hypothesis(
    "transposed",
    "Write the shapes beside the product: (N, F) @ (F, C) → (N, C). Equal sizes hide the mistake: "
    "try a layer in which all sizes differ.",
    order.transposed,
)

HYPOTHESES = (
    Hypothesis(
        "upstream-ignored",
        "The chain rule multiplies by the gradient that arrives: begin with grad_out.",
        upstream.upstream_ignored,
    ),
    Hypothesis(
        "all-zero",
        "An array was made with zeros and never filled, or every mask is false.",
        scale.all_zero,
    ),
    Hypothesis(
        "sign", "Look for a − that is missing or there twice, as in b − a for a − b.", scale.sign
    ),
    Hypothesis(
        "missing-square",
        "½ ‖d‖² has the gradient d; ‖d‖ has d / ‖d‖, and Σ d has ones.",
        terms.missing_square,
    ),
    Hypothesis(
        "factor",
        "Write the formula's constants down before differentiating: ½ Σ d² gives d, a mean gives "
        "1/n.",
        scale.factor,
    ),
    SWAPPED,
    TRANSPOSED,
    Hypothesis(
        "reshaped",
        "reshape never moves a number in memory; a transpose does. Write both shapes down.",
        order.reshaped,
    ),
    Hypothesis(
        "kernel-not-flipped",
        "If forward correlates, the way back to the input convolves: x[o + k]·w[k] sends "
        "grad_out[o] to o + k, so x[i] hears from o = i − k.",
        order.kernel_not_flipped,
    ),
    Hypothesis(
        "one-item",
        "A parameter meets every item of the batch: add up with +=, and start the sum before the "
        "loop.",
        parts.one_item,
    ),
    Hypothesis(
        "shifted",
        "Check on paper which input the first window starts at, −pad, and where the padding is cut "
        "off again: [pad : pad + size].",
        order.shifted,
    ),
    Hypothesis(
        "output-ignored",
        "Each output sends its own gradient back: add them up where the paths meet.",
        upstream.output_ignored,
    ),
    Hypothesis(
        "max-as-average",
        "Only the input that was the maximum changed the output: keep its place in the cache.",
        parts.max_as_average,
    ),
    Hypothesis(
        "mask-inverted",
        "The gradient passes where the input was above 0: compare > with <.",
        parts.mask_inverted,
    ),
    Hypothesis(
        "mask-of-upstream",
        "The mask belongs to the forward pass: keep x > 0 in the cache, and let grad_out have any "
        "sign.",
        parts.mask_of_upstream,
    ),
    Hypothesis(
        "not-masked",
        "Where forward stops a value (a ReLU below 0), backward stops the gradient: multiply by "
        "the mask.",
        parts.not_masked,
    ),
    Hypothesis(
        "diagonal-only",
        "Where an output depends on several inputs (a softmax, a recurrence), the chain rule adds "
        "up over all outputs.",
        elementwise.diagonal_only,
    ),
    Hypothesis(
        "overwritten",
        "An input that several windows see hears from all of them: += and not =.",
        parts.overwritten,
    ),
    Hypothesis(
        "masked-too-much",
        "The mask is forward's own: np.where(x > 0, 1, slope), not x > 0.",
        elementwise.masked_too_much,
    ),
    NOT_SUMMED,
    SUMMED_TOO_MUCH,
    Hypothesis(
        "wrong-axis",
        "Sum over the axes that the argument lacks, and over no other: a bias (F,) under an output "
        "(N, F) is summed over N, axis 0.",
        elementwise.wrong_axis,
    ),
    Hypothesis(
        "left-out",
        "Look at the ends of the loops: range(n) already leaves n out.",
        parts.left_out,
    ),
    Hypothesis(
        "one-half",
        "∂(A·A)/∂A has two terms, one for each factor: grad_out and its transpose.",
        upstream.one_half_of_symmetric,
    ),
    Hypothesis(
        "upstream-squared", "grad_out enters the chain rule once.", upstream.upstream_squared
    ),
    Hypothesis(
        "upstream-not-linear",
        "A backward pass multiplies grad_out and adds: no square, no sign, no comparison of it.",
        upstream.upstream_not_linear,
    ),
    Hypothesis(
        "passed-through",
        "The chain rule multiplies grad_out by the layer's own derivative.",
        elementwise.passed_through,
    ),
    Hypothesis(
        "input-for-output",
        "σ' = out (1 − out) and tanh' = 1 − out²: keep out in the cache, not x.",
        elementwise.input_for_output,
    ),
    Hypothesis(
        "branch-missing",
        "Where a value takes two ways, both gradients are added: grad_out + the layer's.",
        terms.branch_missing,
    ),
    Hypothesis(
        "missing-term",
        "The derivative of a sum is the sum of the derivatives: λ w² has 2 λ w.",
        terms.missing_term,
    ),
    Hypothesis(
        "one-hot",
        "The gradient of softmax and cross-entropy is (p − y) / N, with y 1 at the right class.",
        terms.one_hot,
    ),
    Hypothesis(
        "missing-factor",
        "The chain rule multiplies by the inner derivative, entry by entry.",
        scale.missing_factor,
    ),
    Hypothesis("reversed", "Look for a [::-1], or a loop that counts down.", order.reversed_axis),
    Hypothesis(
        "border",
        "The first and last entries have fewer neighbours: slices, not np.roll, which wraps "
        "around.",
        parts.border,
    ),
    Hypothesis(
        "statistics-constant",
        "Mean, variance and norm depend on x as well: differentiate through them.",
        terms.statistics_constant,
    ),
    Hypothesis(
        "rounded",
        "A mean is divided by /, which keeps the fraction; an array for it is made of floats.",
        elementwise.rounded,
    ),
    Hypothesis(
        "one-entry",
        "Look for a fixed index, an assignment to one place, or a loop that ends one too early.",
        terms.one_entry,
    ),
)

SHAPES = (NOT_SUMMED, SWAPPED, SUMMED_TOO_MUCH, TRANSPOSED)
"""Those that may explain a gradient of another shape than its argument."""
