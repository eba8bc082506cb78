package main

import "syscall/js"

// main defines verifyRound and stays until the page goes: the function is called back
// from outside.
func main() {
	js.Global().Set("verifyRound", js.FuncOf(func(_ js.Value, args []js.Value) any {
		if len(args) != 1 || args[0].Type() != js.TypeString {
			return `{"ok":false,"error":"verifyRound takes the text of a bundle"}`
		}
		out, _, _ := report([]byte(args[0].String())) // the error is in out
		return string(out)
	}))
	select {}
}
