// Package terraform holds the rules of infra/terraform as tests: what may be reached
// from outside, who may read which secret, how many connections an environment may
// open. It reads the files themselves and needs no provider. It has no code of its
// own. Run it uncached (-count=1): the go command cannot see that the files are its
// input.
package terraform
