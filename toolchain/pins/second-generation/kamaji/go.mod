module github.com/clastix/kamaji

go 1.26
