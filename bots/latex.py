"""LaTeX formulas as readable text, for places that cannot draw formulas. Pure, linear."""

import re
from collections.abc import Mapping
from functools import lru_cache

MOST_DEPTH = 20
"""Deeper groups stay as they were written."""

_TOKEN = re.compile(r"\\[A-Za-z]{1,32}|\\.|[{}^_&~]|\s+|[^\\{}^_&~\s]", re.DOTALL)
_SIMPLE = re.compile(r"[^\W_]+|.", re.DOTALL)

_UP = str.maketrans(
    "0123456789+-−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVW′*",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ′*",
)
_DOWN = str.maketrans("0123456789+-−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
_DOUBLE = str.maketrans("CHNPQRZ", "ℂℍℕℙℚℝℤ")
_NAMES_LIST = (
    "alpha α beta β gamma γ delta δ epsilon ε varepsilon ε zeta ζ eta η theta θ vartheta ϑ "
    "iota ι kappa κ lambda λ mu μ nu ν xi ξ pi π varpi ϖ rho ρ varrho ϱ sigma σ varsigma ς "
    "tau τ upsilon υ phi φ varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ "
    "Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω cdot · times × div ÷ pm ± mp ∓ ast ∗ star ⋆ "
    "circ ∘ bullet • oplus ⊕ otimes ⊗ le ≤ leq ≤ ge ≥ geq ≥ ne ≠ neq ≠ approx ≈ equiv ≡ sim ∼ "
    "simeq ≃ cong ≅ propto ∝ ll ≪ gg ≫ in ∈ notin ∉ ni ∋ subset ⊂ supset ⊃ subseteq ⊆ "
    "supseteq ⊇ cup ∪ cap ∩ setminus ∖ emptyset ∅ varnothing ∅ forall ∀ exists ∃ neg ¬ lnot ¬ "
    "land ∧ wedge ∧ lor ∨ vee ∨ to → rightarrow → leftarrow ← leftrightarrow ↔ Rightarrow ⇒ "
    "Leftarrow ⇐ Leftrightarrow ⇔ implies ⇒ iff ⇔ mapsto ↦ uparrow ↑ downarrow ↓ infty ∞ "
    "partial ∂ nabla ∇ sum ∑ prod ∏ int ∫ iint ∬ iiint ∭ oint ∮ ldots … dots … cdots ⋯ vdots ⋮ "
    "ddots ⋱ prime ′ hbar ℏ ell ℓ Re ℜ Im ℑ aleph ℵ angle ∠ perp ⊥ parallel ∥ mid | vert | "
    "Vert ‖ langle ⟨ rangle ⟩ lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ lbrace { rbrace } degree ° "
    "therefore ∴ because ∵ checkmark ✓ square □ triangle △ models ⊨ vdash ⊢ backslash \\"
)
_NAMES = _NAMES_LIST.split()
_SYMBOLS: Mapping[str, str] = dict(zip(_NAMES[::2], _NAMES[1::2], strict=True))
_WORDS_LIST = (
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp lim max min sup inf "
    "det dim ker gcd deg arg Pr mod limsup liminf"
)
_WORDS = frozenset(_WORDS_LIST.split())
_NOTHING_LIST = (
    "left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr middle displaystyle "
    "textstyle scriptstyle limits nolimits nonumber hline tag label"
)
_NOTHING = frozenset(_NOTHING_LIST.split())
_SPACES: Mapping[str, str] = {"quad": "  ", "qquad": "    ", "bmod": " mod ", "pmod": " mod "}
_AS_IS_LIST = (
    "text textbf textit textrm texttt mathrm mathbf mathit mathsf mathtt mathcal mathfrak mathscr "
    "operatorname boxed mbox bm boldsymbol underline overbrace underbrace widehat widetilde"
)
_AS_IS = frozenset(_AS_IS_LIST.split())
_ACCENTS: Mapping[str, str] = {
    "bar": "\u0304",
    "overline": "\u0304",
    "hat": "\u0302",
    "tilde": "\u0303",
    "vec": "\u20d7",
    "dot": "\u0307",
    "ddot": "\u0308",
}


@lru_cache(maxsize=1024)
def readable(tex: str) -> str:
    """*tex*, the text between a formula's marks, made readable; never empty."""
    reader = _Reader(tex)
    try:
        shown = reader.until("", 0)
    except RecursionError:
        return tex.strip()
    lines = (" ".join(line.split()) for line in shown.split("\n"))
    return "\n".join(line for line in lines if line) or tex.strip()


class _Reader:
    def __init__(self, tex: str) -> None:
        self._tokens: list[str] = _TOKEN.findall(tex)
        self._at = 0

    def until(self, end: str, depth: int) -> str:
        """Everything up to the piece *end*; *end* is read too."""
        parts: list[str] = []
        while self._at < len(self._tokens):
            piece = self._take()
            if piece == end:
                break
            parts.append(self._shown(piece, depth))
        return "".join(parts)

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _group(self, depth: int) -> str:
        """The next argument: a group in braces, or one piece."""
        while self._at < len(self._tokens) and self._tokens[self._at].isspace():
            self._at += 1
        if self._at == len(self._tokens):
            return ""
        piece = self._take()
        if piece == "{":
            return self.until("}", depth + 1).strip()
        return self._shown(piece, depth + 1)

    def _shown(self, piece: str, depth: int) -> str:
        if depth > MOST_DEPTH:
            raise RecursionError
        if len(piece) > 1 and piece[0] == "\\":
            return self._command(piece[1:], depth)
        match piece:
            case "{":
                return self.until("}", depth + 1)
            case "^":
                return _raised(self._group(depth), "^", _UP)
            case "_":
                return _raised(self._group(depth), "_", _DOWN)
            case "&" | "~":
                return " "
            case "}":
                return ""
        return " " if piece.isspace() else piece

    def _command(self, name: str, depth: int) -> str:
        if name in _SYMBOLS:
            return _SYMBOLS[name]
        if name in ("frac", "dfrac", "tfrac", "cfrac"):
            return f"{_wrapped(self._group(depth))}/{_wrapped(self._group(depth))}"
        if name in ("binom", "dbinom", "tbinom"):
            return f"C({self._group(depth)}, {self._group(depth)})"
        if name == "sqrt":
            return self._root(depth)
        if name in _AS_IS:
            return self._group(depth)
        if name == "mathbb":
            return self._group(depth).translate(_DOUBLE)
        if name in _ACCENTS:
            inner = self._group(depth)
            return inner + _ACCENTS[name] if len(inner) == 1 else inner
        if name in ("begin", "end"):
            # These two take one argument more: how to align, how many columns.
            if self._group(depth).rstrip("*") in ("array", "alignat") and self._next == "{":
                self._group(depth)
            return ""
        if name in _WORDS:
            return name if self._next in ("_", "^") else f"{name} "
        if name.isalpha() and name not in _NOTHING and name not in _SPACES:
            unknown = f"\\{name}"
            return unknown + "{" + self._group(depth) + "}" if self._next == "{" else unknown
        return _small(name)

    @property
    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _root(self, depth: int) -> str:
        sign = "√"
        if self._next == "[":
            self._at += 1
            index = self.until("]", depth + 1).strip()
            sign = {"3": "∛", "4": "∜"}.get(index) or f"{_raised(index, '', _UP)}√"
        return sign + _wrapped(self._group(depth))


def _small(name: str) -> str:
    """A command without arguments."""
    if name in _NOTHING or name == "!":
        return ""
    if name == "\\":
        return "\n"
    if not name[0].isalpha():
        return " " if name in ",;: >" or name.isspace() else name
    return _SPACES[name]


def _raised(text: str, sign: str, small: Mapping[int, str | int]) -> str:
    text = text.strip()
    if text and all(ord(character) in small for character in text):
        return text.translate(small)
    return f"{sign}{text if len(text) < 2 else f'({text})'}"


def _wrapped(text: str) -> str:
    return text if _SIMPLE.fullmatch(text) else f"({text})"
