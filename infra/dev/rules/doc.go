// Package rules holds the rules of the repository as tests: which way imports
// point, which versions the modules share, how large a file may be. It has no
// code of its own. Run it uncached (-count=1): the go command cannot see that
// the files of other packages are its input.
package rules
