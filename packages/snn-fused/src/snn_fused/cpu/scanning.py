"""Kernels that find the entries of a dense tensor that are not zero."""

from __future__ import annotations

import functools

import torch

from snn_fused.cpu.compiling import Kernel, load
from snn_fused.cpu.threads import reading
from snn_fused.cpu.vectors import vector

ELEMENTS = {
    torch.float32: "float",
    torch.float64: "double",
    torch.bool: "i8",
    torch.uint8: "i8",
    torch.int8: "i8",
    torch.int16: "i16",
    torch.int32: "i32",
    torch.int64: "i64",
}
"""The dtypes that can be read, as LLVM names the type of an element."""

BLOCK = 64
"""Inputs that are compared at once: a bit each in an i64."""

EAGER = 4
"""Entries written for each block whether it has so many or not: a processor that must guess where
a short loop ends loses more time. What is too much is overwritten by the next block.
"""

# Where the entries of a row begin and how many they are.
_NOTED = """\
  %start.to = getelementptr i64, ptr %starts, i64 %row
  store i64 %start, ptr %start.to
  %count = sub i64 %at, %start
  %count.to = getelementptr i64, ptr %counts, i64 %row
  store i64 %count, ptr %count.to"""


@functools.cache
def scan(given: torch.dtype, dtype: torch.dtype, narrow: bool) -> Kernel:
    """The kernel that lists the entries of rows [lo, hi).

    Its table: x; starts, where it says at which place the entries of each row begin; counts, of
    each row; columns and values, room for ``width + EAGER`` a row, used from row lo on; the
    distances of steps and of samples in bytes; n_batch; width, the inputs of a row.

    Args:
        given: dtype of the inputs.
        dtype: of the values.
        narrow: whether a row has less than ``BLOCK`` inputs.
    """
    return load(scan_source(given, dtype, narrow))


@functools.cache
def pack(dtype: torch.dtype) -> Kernel:
    """The kernel that moves the entries of rows [lo, hi) together.

    Its table: starts, columns and values as they are; pointers, columns and values to be.
    """
    return load(pack_source(dtype))


def scan_source(given: torch.dtype, dtype: torch.dtype, narrow: bool) -> str:
    """The text of ``scan``."""
    names = {
        **dict.fromkeys(("x", "starts", "counts", "columns", "values"), "ptr"),
        **dict.fromkeys(("step", "batch", "n_batch", "width"), "i64"),
    }
    return f"""
define void @kernel(ptr noalias %table, i64 %lo, i64 %hi, ptr %scratch) {{
entry:
{reading(**names)}
  %row.room = add i64 %width, {EAGER}
  %room = mul i64 %lo, %row.room
  br label %row.head
row.head:
  %row = phi i64 [%lo, %entry], [%row.next, %row.done]
  %start = phi i64 [%room, %entry], [%at, %row.done]
  %row.more = icmp slt i64 %row, %hi
  br i1 %row.more, label %row.inside, label %exit
row.inside:
  %t = udiv i64 %row, %n_batch
  %b = urem i64 %row, %n_batch
  %t.bytes = mul i64 %t, %step
  %b.bytes = mul i64 %b, %batch
  %bytes = add i64 %t.bytes, %b.bytes
  %inputs = getelementptr i8, ptr %x, i64 %bytes
  br label %block.head
block.head:
  %first = phi i64 [0, %row.inside], [%first.next, %entries.done]
  %at = phi i64 [%start, %row.inside], [%at.now, %entries.done]
  %first.next = add i64 %first, {BLOCK}
  %block.more = icmp slt i64 %first, %width
  br i1 %block.more, label %block.inside, label %row.done
block.inside:
{_bits_of_narrow_row(given) if narrow else _bits_of_block(given)}
{_entries(given, dtype)}
entries.done:
  br label %block.head
row.done:
{_NOTED}
  %row.next = add i64 %row, 1
  br label %row.head
exit:
  ret void
}}

declare i64 @llvm.cttz.i64(i64, i1)
declare i64 @llvm.ctpop.i64(i64)
declare i64 @llvm.smin.i64(i64, i64)
"""


def _bits_of_block(given: torch.dtype) -> str:
    """The bits of a block. The last one of a row ends with it, and what it has in common with the
    block before is shifted out.
    """
    kind, size = ELEMENTS[given], given.itemsize
    return f"""\
  br label %entries
entries:
  %last = sub i64 %width, {BLOCK}
  %place = call i64 @llvm.smin.i64(i64 %first, i64 %last)
  %known = sub i64 %first, %place
  %block.at = getelementptr {kind}, ptr %inputs, i64 %place
  %block = load <{BLOCK} x {kind}>, ptr %block.at, align {size}
  %flags = {_compared(given)} <{BLOCK} x {kind}> %block, zeroinitializer
  %block.bits = bitcast <{BLOCK} x i1> %flags to i64
  %bits = lshr i64 %block.bits, %known
  br label %entries.eager"""


def _bits_of_narrow_row(given: torch.dtype) -> str:
    """The bits of a row that is shorter than a block, one after the other."""
    kind = ELEMENTS[given]
    zero = "0.0" if given.is_floating_point else "0"
    return f"""\
  br label %bit.inside
bit.inside:
  %k = phi i64 [0, %block.inside], [%k.next, %bit.inside]
  %bits.before = phi i64 [0, %block.inside], [%bits, %bit.inside]
  %input.at = getelementptr {kind}, ptr %inputs, i64 %k
  %input = load {kind}, ptr %input.at
  %flag = {_compared(given)} {kind} %input, {zero}
  %flag.long = zext i1 %flag to i64
  %bit = shl i64 %flag.long, %k
  %bits = or i64 %bits.before, %bit
  %k.next = add i64 %k, 1
  %k.more = icmp slt i64 %k.next, %width
  br i1 %k.more, label %bit.inside, label %entries
entries:
  br label %entries.eager"""


def _entries(given: torch.dtype, dtype: torch.dtype) -> str:
    """Write the entries of a block: so many whether there are or not, then what is left."""
    return f"""\
entries.eager:
{_eager_entries(given, dtype)}
  %found = call i64 @llvm.ctpop.i64(i64 %bits)
  %at.now = add i64 %at, %found
  %at.eager = add i64 %at, {EAGER}
  br label %entries.head
entries.head:
  %left = phi i64 [%bits.{EAGER}, %entries.eager], [%rest, %entry.inside]
  %to = phi i64 [%at.eager, %entries.eager], [%to.next, %entry.inside]
  %none = icmp eq i64 %left, 0
  br i1 %none, label %entries.done, label %entry.inside
entry.inside:
{_entry(given, dtype, "late", "%left", "%to")}
  %less = sub i64 %left, 1
  %rest = and i64 %left, %less
  %to.next = add i64 %to, 1
  br label %entries.head"""


def _eager_entries(given: torch.dtype, dtype: torch.dtype) -> str:
    lines = ["  %bits.0 = add i64 %bits, 0"]
    for k in range(EAGER):
        lines += [
            f"  %at.{k} = add i64 %at, {k}",
            _entry(given, dtype, f"early{k}", f"%bits.{k}", f"%at.{k}"),
            f"  %less.{k} = sub i64 %bits.{k}, 1",
            f"  %bits.{k + 1} = and i64 %bits.{k}, %less.{k}",
        ]
    return "\n".join(lines)


def _entry(given: torch.dtype, dtype: torch.dtype, name: str, bits: str, to: str) -> str:
    """Write the entry of the lowest of the bits; if there is none, that of the block's first."""
    kind, number = ELEMENTS[given], vector(dtype).scalar
    return f"""\
  %{name}.zeros = call i64 @llvm.cttz.i64(i64 {bits}, i1 false)
  %{name}.low = and i64 %{name}.zeros, {BLOCK - 1}
  %{name}.column = add i64 %first, %{name}.low
  %{name}.short = trunc i64 %{name}.column to i32
  %{name}.column.to = getelementptr i32, ptr %columns, i64 {to}
  store i32 %{name}.short, ptr %{name}.column.to
  %{name}.from = getelementptr {kind}, ptr %inputs, i64 %{name}.column
  %{name}.given = load {kind}, ptr %{name}.from
  %{name}.value = {_converted(given, dtype, f"%{name}.given")}
  %{name}.to = getelementptr {number}, ptr %values, i64 {to}
  store {number} %{name}.value, ptr %{name}.to"""


def _compared(given: torch.dtype) -> str:
    """The comparison that tells what is not zero; NaN is not."""
    return "fcmp une" if given.is_floating_point else "icmp ne"


def _converted(given: torch.dtype, dtype: torch.dtype, value: str) -> str:
    """The value of an input, rounded as by ``Tensor.to``."""
    kind, number = ELEMENTS[given], vector(dtype).scalar
    if kind == number:
        return f"select i1 true, {number} {value}, {number} {value}"
    if not given.is_floating_point:
        way = "sitofp" if given.is_signed else "uitofp"
    else:
        way = "fpext" if given.itemsize < dtype.itemsize else "fptrunc"
    return f"{way} {kind} {value} to {number}"


def pack_source(dtype: torch.dtype) -> str:
    """The text of ``pack``."""
    names = ("starts", "columns", "values", "pointers", "columns.to", "values.to")
    number, size = vector(dtype).scalar, dtype.itemsize
    return f"""
define void @kernel(ptr noalias %table, i64 %lo, i64 %hi, ptr %scratch) {{
entry:
{reading(**dict.fromkeys(names, "ptr"))}
  br label %head
head:
  %row = phi i64 [%lo, %entry], [%next, %inside]
  %more = icmp slt i64 %row, %hi
  br i1 %more, label %inside, label %exit
inside:
  %next = add i64 %row, 1
  %start.at = getelementptr i64, ptr %starts, i64 %row
  %start = load i64, ptr %start.at
  %begin.at = getelementptr i64, ptr %pointers, i64 %row
  %begin = load i64, ptr %begin.at
  %end.at = getelementptr i64, ptr %pointers, i64 %next
  %end = load i64, ptr %end.at
  %count = sub i64 %end, %begin
  %columns.bytes = mul i64 %count, 4
  %columns.from = getelementptr i32, ptr %columns, i64 %start
  %columns.there = getelementptr i32, ptr %columns.to, i64 %begin
  call void @llvm.memcpy.p0.p0.i64(ptr %columns.there, ptr %columns.from, \
i64 %columns.bytes, i1 false)
  %values.bytes = mul i64 %count, {size}
  %values.from = getelementptr {number}, ptr %values, i64 %start
  %values.there = getelementptr {number}, ptr %values.to, i64 %begin
  call void @llvm.memcpy.p0.p0.i64(ptr %values.there, ptr %values.from, \
i64 %values.bytes, i1 false)
  br label %head
exit:
  ret void
}}

declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
"""
