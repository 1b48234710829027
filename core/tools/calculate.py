"""The tool `calculate`: arithmetic that is exact where it can be, and always bounded.

The expression is parsed, never evaluated by Python: only numbers, operators and the functions below
are carried out, each within bounds of size. So no expression costs more than a few milliseconds.
"""

import ast
import math
import operator
import warnings
from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

from core.tools.tool import ToolContext, ToolError, ToolResult, ToolSpec

MOST_CHARS = 1_000
MOST_BITS = 12_000
"""About 3,600 digits. A number that needs more is refused."""
MOST_FACTORIAL = 1_000
DIGITS = 15
_CONTEXT = Context(prec=DIGITS)

Number = int | Fraction | float


def _exact(function: Callable[[float], float]) -> Callable[[Number], Number]:
    return lambda value: function(float(value))


def _whole(value: Number) -> int:
    if value != int(value):
        raise ValueError("a whole number is needed")
    return int(value)


def _root(value: Number) -> Number:
    if value >= 0 and not isinstance(value, float):
        exact = Fraction(value)
        above, below = math.isqrt(exact.numerator), math.isqrt(exact.denominator)
        if above * above == exact.numerator and below * below == exact.denominator:
            return Fraction(above, below)
    return math.sqrt(value)


def _factorial(value: Number) -> Number:
    if not 0 <= value <= MOST_FACTORIAL:
        raise ValueError(f"factorial takes 0 to {MOST_FACTORIAL}")
    return math.factorial(_whole(value))


def _choose(above: Number, below: Number) -> Number:
    if not 0 <= above <= MOST_FACTORIAL:
        raise ValueError(f"comb takes 0 to {MOST_FACTORIAL}")
    return math.comb(_whole(above), _whole(below))


def _rounded(value: Number, digits: Number = 0) -> Number:
    if not -MOST_FACTORIAL <= digits <= MOST_FACTORIAL:
        raise ValueError("so many digits are not kept")
    return round(Fraction(value), _whole(digits))


_FUNCTIONS: Mapping[str, Callable[..., Number]] = {
    "sqrt": _root,
    "abs": abs,
    "round": _rounded,
    "floor": math.floor,
    "ceil": math.ceil,
    "min": min,
    "max": max,
    "sum": lambda *values: sum(values),
    "mean": lambda *values: Fraction(sum(values)) / len(values),
    "factorial": _factorial,
    "comb": _choose,
    "gcd": lambda *values: math.gcd(*map(_whole, values)),
    "lcm": lambda *values: math.lcm(*map(_whole, values)),
    "log": lambda value, base=math.e: math.log(value, base) if base != math.e else math.log(value),
    "ln": _exact(math.log),
    "exp": _exact(math.exp),
    **{
        name: _exact(getattr(math, name))
        for name in (
            *("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh"),
            *("log10", "log2", "degrees", "radians"),
        )
    },
}
_CONSTANTS: Mapping[str, Number] = {"pi": math.pi, "e": math.e, "tau": math.tau}
_SIGNS = str.maketrans(
    {"×": "*", "·": "*", "⋅": "*", "÷": "/", "−": "-", "–": "-", "π": "pi", "\u00a0": " "}
)


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, float) or exponent != int(exponent):
        return math.pow(base, exponent)
    if _bits(base) * abs(int(exponent)) > MOST_BITS:
        raise ValueError("the result is too large")
    return Fraction(base) ** int(exponent)


_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda a, b: a / b if float in (type(a), type(b)) else Fraction(a) / Fraction(b),
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}


def _bits(value: Number) -> int:
    if isinstance(value, float):
        return 64
    exact = Fraction(value)
    return max(exact.numerator.bit_length(), exact.denominator.bit_length())


def calculate(expression: str) -> str:
    """The value of *expression*, as text.

    Raises:
        ValueError: it is no expression, or its value cannot be told.
    """
    if len(expression) > MOST_CHARS:
        raise ValueError(f"the expression is longer than {MOST_CHARS} characters")
    plain = expression.strip().removesuffix("=").translate(_SIGNS).replace("^", "**")
    try:
        with warnings.catch_warnings(action="ignore"):
            parsed = ast.parse(plain, mode="eval").body
        value = _value(parsed)
    except ZeroDivisionError:
        raise ValueError("division by zero") from None
    except (SyntaxError, MemoryError, RecursionError, TypeError):
        raise ValueError("this is no expression with numbers, operators and functions") from None
    except OverflowError:
        raise ValueError("the result is too large") from None
    return _shown(value)


def _value(node: ast.expr) -> Number:
    value = _bare(node)
    if _bits(value) > MOST_BITS:
        raise ValueError("the result is too large")
    return value


def _bare(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            # The shortest spelling of a float is what was written: 0.1 is a tenth here.
            return number if isinstance(number, int) else Fraction(Decimal(repr(number)))
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _value(inner)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return _OPERATORS[type(sign)](_value(left), _value(right))
        case ast.Name(id=name) if name.lower() in _CONSTANTS:
            return _CONSTANTS[name.lower()]
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*map(_value, args))
        case _:
            raise ValueError(
                "only numbers, + - * / // % ^ ( ), pi, e and these functions are known: "
                + ", ".join(_FUNCTIONS)
            )


def _shown(value: Number) -> str:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("the result is no finite number")
        return f"{value:.{DIGITS}g}"
    exact = Fraction(value)
    if exact.denominator == 1:
        return str(exact.numerator)
    # A fraction that ends in decimals is shown whole, another one also as a fraction.
    below = exact.denominator
    for prime in (2, 5):
        while below % prime == 0:
            below //= prime
    divided = _CONTEXT.divide(Decimal(exact.numerator), Decimal(exact.denominator)).normalize()
    rounded = f"{divided:f}" if abs(divided.adjusted()) <= DIGITS else str(divided)
    return rounded if below == 1 or len(str(exact)) > 60 else f"{rounded} (exactly {exact})"


class Calculator:
    spec = ToolSpec(
        name="calculate",
        description="Computes an arithmetic expression exactly. Use it instead of mental "
        "arithmetic. It knows + - * / // % ^ ( ), pi, e and " + ", ".join(_FUNCTIONS) + ".",
        schema={
            "type": "object",
            "properties": {
                "expression": {
                    "type": "string",
                    "maxLength": MOST_CHARS,
                    "description": "such as (3 + 4) * 2 ^ 10 / 7",
                }
            },
            "required": ["expression"],
            "additionalProperties": False,
        },
        effect="read_only",
    )

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        try:
            return ToolResult(calculate(arguments["expression"]))
        except ValueError as error:
            raise ToolError(str(error)) from error
