// Package ui has the pages that people see.
package ui

import (
	_ "golang.org/x/text/language"
	_ "golang.org/x/text/number"
)
