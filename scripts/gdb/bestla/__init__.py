"""GDB's view of Bestla: page tables, and the loader's symbols.

paging, memory, report and uefi run without gdb and are tested so;
target, loader, frames and commands are the part that lives inside it.
"""
