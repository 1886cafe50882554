/* `postern keys add|list|revoke --file F ...`: manages a file of API keys. The file is replaced in
 * one step, so that a gateway that looks at it sees the old or the new one; two of these commands
 * at once take turns. A key's text is printed once, when it is made, and kept nowhere. */
#pragma once

/* argv[0] is "keys". Exit status: 0; 1: the file or the key is not there, or cannot be written; 2:
 * usage. */
int keys_main(int argc, char **argv);
