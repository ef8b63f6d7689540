"""GDB's view of Bestla: page tables, and the loader's symbols.

All but these run without gdb, in scripts/pagemap and in tests:
target, loader, frames, command, commands and page_commands live inside it.
"""
