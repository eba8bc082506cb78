package web

// ServeWithin is Serve with another limit.
var ServeWithin = serve
