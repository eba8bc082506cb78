// Package v4 holds the tests of ../../v4, which brings the players of v4 here. It has no
// code of its own.
package v4
