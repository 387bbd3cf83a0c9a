package certs

// What the tests of this package need from inside.
var (
	ParseCertificates = parseCertificates
	ParseLeaf         = parseLeaf
	LentByRoot        = lentByRoot
)

// Skew is how far before now a certificate begins.
const Skew = skew
