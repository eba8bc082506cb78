module github.com/vegascore/vegascore/migrations

go 1.26.0
