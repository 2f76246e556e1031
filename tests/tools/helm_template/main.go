// Renders a Helm chart as `helm template` does, as far as our chart needs it: Debian has no helm.
//
//	helm_template CHART RELEASE NAMESPACE [VALUES-FILE ...]
//
// The templates get what Helm gives them: Values (the chart's, with the files merged over them),
// Release, Chart, Capabilities, Files and Template; the functions of sprig without those that look at
// the machine, and include, tpl, required, lookup, toYaml, fromYaml and their kin. Manifests go to
// standard output in the order of their file names, NOTES.txt at the end as comments. There are no
// subcharts, hooks or libraries. Built with Debian's packages alone: GO111MODULE=off.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"sigs.k8s.io/yaml"
)

type object = map[string]interface{}

// Helm ends runaway recursion here, too.
const maxIncludeDepth = 1000

// What templates know as .Chart.
type chartMetadata struct {
	APIVersion  string `json:"apiVersion"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Type        string `json:"type"`
	Version     string `json:"version"`
	AppVersion  string `json:"appVersion"`
	KubeVersion string `json:"kubeVersion"`
}

type kubeVersion struct{ Version, Major, Minor string }

func (v kubeVersion) String() string { return v.Version }

type apiVersions []string

func (versions apiVersions) Has(wanted string) bool {
	for _, version := range versions {
		if version == wanted {
			return true
		}
	}
	return false
}

type files struct{ folder string }

func (f files) Get(name string) string {
	data, _ := os.ReadFile(filepath.Join(f.folder, filepath.Clean("/"+name)))
	return string(data)
}

// readYAML reads a file strictly: a key that stands twice is an error.
func readYAML(path string, into interface{}) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := yaml.UnmarshalStrict(data, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// merge writes one map over another; null takes a key out, and so does Helm.
func merge(under, over object) {
	for key, value := range over {
		below, isMap := under[key].(object)
		above, alsoMap := value.(object)
		switch {
		case value == nil:
			delete(under, key)
		case isMap && alsoMap:
			merge(below, above)
		default:
			under[key] = value
		}
	}
}

func toYAML(value interface{}) (string, error) {
	data, err := yaml.Marshal(value)
	return strings.TrimSuffix(string(data), "\n"), err
}

func functions(all *template.Template) template.FuncMap {
	result := sprig.TxtFuncMap()
	delete(result, "env")
	delete(result, "expandenv")
	depth := 0
	result["include"] = func(name string, data interface{}) (string, error) {
		if depth++; depth > maxIncludeDepth {
			return "", errors.New("include: too deep")
		}
		defer func() { depth-- }()
		var text strings.Builder
		err := all.ExecuteTemplate(&text, name, data)
		return text.String(), err
	}
	result["tpl"] = func(text string, data interface{}) (string, error) {
		copied, err := all.Clone()
		if err != nil {
			return "", err
		}
		inner, err := copied.New("tpl").Parse(text)
		if err != nil {
			return "", err
		}
		var out strings.Builder
		err = inner.Execute(&out, data)
		return out.String(), err
	}
	result["required"] = func(message string, value interface{}) (interface{}, error) {
		empty := value == nil || value == ""
		if list, isList := value.([]interface{}); isList {
			empty = len(list) == 0 // stricter than Helm, which takes an empty list
		}
		if empty {
			return nil, errors.New(message)
		}
		return value, nil
	}
	result["lookup"] = func(string, string, string, string) (object, error) { return object{}, nil }
	result["getHostByName"] = func(string) string { return "" }
	result["toYaml"] = toYAML
	result["mustToYaml"] = toYAML
	result["toJson"] = func(value interface{}) (string, error) {
		data, err := json.Marshal(value)
		return string(data), err
	}
	result["fromYaml"] = func(text string) (object, error) {
		found := object{}
		return found, yaml.Unmarshal([]byte(text), &found)
	}
	result["fromJson"] = func(text string) (object, error) {
		found := object{}
		return found, json.Unmarshal([]byte(text), &found)
	}
	return result
}

func render(folder, release, namespace string, valueFiles []string) error {
	var chart chartMetadata
	if err := readYAML(filepath.Join(folder, "Chart.yaml"), &chart); err != nil {
		return err
	}
	values := object{}
	for _, path := range append([]string{filepath.Join(folder, "values.yaml")}, valueFiles...) {
		over := object{}
		if err := readYAML(path, &over); err != nil {
			return err
		}
		merge(values, over)
	}

	paths, err := filepath.Glob(filepath.Join(folder, "templates", "*"))
	if err != nil || len(paths) == 0 {
		return fmt.Errorf("%s: no templates", folder)
	}
	sort.Strings(paths)
	all := template.New(chart.Name).Option("missingkey=zero")
	all.Funcs(functions(all))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if _, err := all.New(filepath.Base(path)).Parse(string(text)); err != nil {
			return err
		}
	}

	kubernetes := kubeVersion{Version: "v1.30.0", Major: "1", Minor: "30"}
	notes := ""
	for _, path := range paths {
		name := filepath.Base(path)
		if strings.HasPrefix(name, "_") {
			continue
		}
		var out bytes.Buffer
		err := all.ExecuteTemplate(&out, name, object{
			"Values": values,
			"Chart":  chart,
			"Release": object{"Name": release, "Namespace": namespace, "Service": "Helm", "Revision": 1,
				"IsInstall": true, "IsUpgrade": false},
			"Capabilities": object{"KubeVersion": kubernetes, "APIVersions": apiVersions{"v1", "apps/v1",
				"autoscaling/v2", "policy/v1", "networking.k8s.io/v1"}},
			"Files":    files{folder},
			"Template": object{"Name": chart.Name + "/templates/" + name, "BasePath": chart.Name + "/templates"},
		})
		if err != nil {
			return err
		}
		text := strings.ReplaceAll(out.String(), "<no value>", "")
		switch {
		case name == "NOTES.txt":
			notes = text
		case strings.TrimSpace(text) != "":
			fmt.Printf("---\n# Source: %s/templates/%s\n%s\n", chart.Name, name, strings.TrimSpace(text))
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(notes), "\n") {
		fmt.Printf("# %s\n", line)
	}
	return nil
}

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: helm_template CHART RELEASE NAMESPACE [VALUES-FILE ...]")
		os.Exit(2)
	}
	if err := render(os.Args[1], os.Args[2], os.Args[3], os.Args[4:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}
