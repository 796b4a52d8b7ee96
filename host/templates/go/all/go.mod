module example/{{name}}

go 1.24
