"""The words that fuzzing is done with: numbers at an edge, characters that do not belong, pieces of expressions."""

from __future__ import annotations

import re


def listed(text: str) -> tuple[str, ...]:
    """The items of a text, which stand on lines of their own or two spaces apart."""
    return tuple(re.split(r"\s{2,}|\n", text.strip()))


#: Numbers at which arithmetic, memory or loops have an edge, and what stands for none.
NUMBERS = (*listed("""
    0  1  2  3  7  -1  -2  16  17  255  256  1000  65536  1000000  2147483647  2147483648  4294967296
    9223372036854775807  9223372036854775808  1000000000000  10**9  2**62  2**10**9  10**400  0.0  0.5  1.0  -0.0
    1e-400  1e308  1e309  1e400  1.5e-7  (1/0)  (-8)**0.5  -1e308*10
    true  none  ""  []  ()  [0]  [1, 2]  [[1], [2, 3]]  batch  len  x  (3,)  "f32"
    "abc"  [true]
"""), "9" * 400)  # fmt: skip

DTYPES = (*listed("f32  f64  i32  i64  u8  bool  f  n  i  t  float  f16"), "")

NAMES = listed("""
    batch  axis  over  training  x  y  loss  lr  stop_gradient  grad  vjp  jvp  vars  shape  key  dtype  none  Dense
    Conv  Adam  Sgd  normal  dropout  scan  self  test  data  along  row  carry  next  yield  feed  from  import  as  nn
    digits  spiral  chars  csv  npz  arrays  freeze
""")

#: Characters and signs that no program has, or has only in their places.
ODD = (
    "\0", "\r\n", "\r", "\t", "\ufeff", "\u202e", "\u2066", "\u200b", "\u2028", "\x85", "\x1b[31m", "\ud800", "\udfff",
    "\x7f", "\u0661", "\u00b2", "\u0301", "\U0001f600", "\u00e9", "\u00df", "\uff11", "\u3000", "\u00a0", "\x0b",
    "\x0c", "\u2212", "\u00d7", "\u2264", "\\",
    *listed("""
    '  "  `  /*  */  //  #  ##  \"\"\"  $  ?  @  ^  ~  &&  ||  !  :=  =>  ...  ..  |>  ->  ~=  ;  {  }  (  )  [  ]  ,  :
    =  .  -  *  **
    """),
)  # fmt: skip

INDICES = listed("""
    [0]  [-1]  [:, 0]  [..., 1]  [...]  [::2]  [::-1]  [1:1]  [1:0]  [5]  [:, :2]  [:, :, :]  [ids]  [-7:9]  [::0]  [k]
    [n]  [0:n]  [:, None]  [m]  [1:, 1:]  [10**9]  [x]  [0:batch]  [true]
""")

#: Expressions with places for one.
SHAPES_OF_EXPRESSIONS = listed("""
    grad(mean({}), {})  mean({})  sum({}, axis=0)  {} |> Dense(3)  {}()  {}.shape  f32({})  -{}  not {}  {} ** {}
    reshape({}, [-1])  expand({}, axis=-1)  {} @ {}  [{}, {}]  *{}  ({})  {}, {}  jvp({}, {}, {})  len({})
    {} |> d: Dense(2)  concat([{}, {}])  einsum("a b, b c -> a c", {}, {})  one_hot({}, 3)  sort({})  vars({})
    dropout({}, 0.5)  {} if {} else {}  scan z in {} along t carry h = {} { next h = h }
""")

STRINGS = listed("""
    "same"  "valid"  "f32"  "f64"  "i64"  "bool"  "u8"  "a b -> b a"  "b (h w) -> h b w"  "ij,jk->ik"  ""  "..."  "a a"
    "-> "  "i j, j -> i"  "((a) b -> a"
""")
#: Shapes, the plain ones first.
SHAPES = listed("""
    [2, 3]  [3]  []  [0]  [1, 1]  [batch, 4]  [n]  [-1]  [6]  [3, 2]  [2, -1]  [-1, -1]
    [4, 4, 4]  [10**6, 10**6]  [2**40]  x.shape  [*x.shape, 1]  [1.5]  [batch // 0]  [batch // 2, 2]  [k, k]  [-3]
    [batch - batch]  [batch * n, n % 3]
""")
#: Whole numbers, the plain ones first.
INTS = listed("0  1  -1  2  3  -2  4  7  -5  10**6  2**31  2**63  k  n  batch  len(y)")
FLOATS = listed("0.0  0.5  1.0  -1.5  1e30  1e300  1e-30  lr  1/3  0.999  2")
FUNCTIONS = listed("""
    relu  tanh  gelu  identity  leaky_relu(slope=0.1)  softmax  Dense  sum  grad  f32  Dense(2)  dropout(0.5)
""")
OPERATORS = listed("+  -  *  /  //  %  **  @  ==  !=  <  >=  and  or")
KEYWORDS = listed("axis  keepdims  training  over  dtype  h  key  shape")
