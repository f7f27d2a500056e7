// Makes a worker's user data as Cluster API's kubeadm provider and capp do.
//
// The kubeadm provider's templates are read from its own source files, given as the argument, because its package is
// internal; their data comes as JSON on standard input. What capp runs is Go's text/template with one variable for workers
// (cluster-api-provider-packet v0.9.0, pkg/cloud/packet/client.go). Prints JSON: the user data after each of the two.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"text/template"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(folder string) error {
	var input struct {
		Version string
		Data    map[string]any
	}
	if err := json.NewDecoder(os.Stdin).Decode(&input); err != nil {
		return err
	}
	constants, err := constantsOf(folder)
	if err != nil {
		return err
	}
	users, _ := input.Data["Users"].([]any)
	for _, user := range users {
		fields := user.(map[string]any)
		if lock, given := fields["LockPassword"].(bool); given {
			fields["LockPassword"] = &lock // The API's field is a pointer, which a template takes for true.
		}
	}
	input.Data["Header"] = constants["cloudConfigHeader"]
	input.Data["KubeadmCommand"] = fmt.Sprintf(constants["standardJoinCommand"], "")
	input.Data["SentinelFileCommand"] = constants["sentinelFileCommand"]
	node := template.New("Node").Funcs(template.FuncMap{"Indent": func(width int, text string) string {
		blank := strings.Repeat(" ", width)
		return blank + strings.Join(strings.Split(text, "\n"), "\n"+blank)
	}})
	for _, name := range []string{"filesTemplate", "bootCommandsTemplate", "commandsTemplate", "ntpTemplate", "usersTemplate",
		"diskSetupTemplate", "fsSetupTemplate", "mountsTemplate", "nodeCloudInit"} {
		if constants[name] == "" {
			return fmt.Errorf("no constant %s in %s", name, folder)
		}
		if node, err = node.Parse(constants[name]); err != nil {
			return err
		}
	}
	var made, run bytes.Buffer
	if err := node.Execute(&made, input.Data); err != nil {
		return err
	}
	capp, err := template.New("user-data").Parse(made.String())
	if err != nil {
		return fmt.Errorf("error parsing userdata template: %w", err)
	}
	if err := capp.Execute(&run, map[string]any{"kubernetesVersion": input.Version}); err != nil {
		return fmt.Errorf("error executing userdata template: %w", err)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]string{"made": made.String(), "sent": run.String()})
}

func constantsOf(folder string) (map[string]string, error) {
	packages, err := parser.ParseDir(token.NewFileSet(), folder, nil, 0)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, pack := range packages {
		ast.Inspect(pack, func(node ast.Node) bool {
			if spec, ok := node.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
				if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
					found[spec.Names[0].Name], _ = strconv.Unquote(literal.Value)
				}
			}
			return true
		})
	}
	return found, nil
}
