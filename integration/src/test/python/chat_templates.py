#!/usr/bin/env python3
"""Writes what Jinja2 makes of the templates that the JVM's renderer is tested against.

The environment is set up as transformers' apply_chat_template does: trim_blocks, lstrip_blocks, break and continue, the
tag generation, raise_exception, strftime_now and tojson without escapes.

    pip install jinja2
    python chat_templates.py ../resources/chat-templates
"""

import argparse
import json
import pathlib

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox

TODAY = "02 Feb 2031"

SYSTEM = {"role": "system", "content": "Be brief. "}
USER = {"role": "user", "content": " What is {{ 6 * 7 }} {% if %} {# in #} 'Jinja', \\n or \"ü\" 😀?\n"}
ASSISTANT = {"role": "assistant", "content": "<think>\nEasy.\n</think>\n\nIt is 42."}
FALSE = {"role": "user", "content": "false"}

CHATS = [
    [USER],
    [SYSTEM, FALSE],
    [SYSTEM, USER, ASSISTANT, FALSE],
    [USER, ASSISTANT],
    [USER, FALSE],
    [SYSTEM],
]

VARIABLES = {
    "messages": [SYSTEM, USER, ASSISTANT, FALSE],
    "bos_token": "<s>",
    "eos_token": "</s>",
    "add_generation_prompt": True,
}

CONSTRUCTS = [
    # subscripts, attributes, slices
    "{{ messages[0].content }}|{{ messages[0]['role'] }}|{{ messages[-1]['content'] }}",
    "{{ messages[1].content }}",
    "{{ nothing }}|{{ messages[0].nothing }}|{{ nothing is defined }}|{{ messages[9] is undefined }}",
    "{% for m in messages[1:] %}{{ m.role }},{% endfor %}{% for m in messages[:-1] %}{{ m.role }},{% endfor %}",
    "{% for m in messages[::-1] %}{{ m.role }},{% endfor %}{% for m in messages[2:0:-1] %}{{ m.role }},{% endfor %}",
    "{{ 'abcde'[1:3] }}{{ 'abcde'[-2:] }}{{ 'abcde'[::-1] }}{{ 'abcde'[::2] }}{{ 'abcde'[0] }}{{ 'abc'[:9] }}",
    # operators
    "{{ 'a' + messages[0].content | trim + 'b' }}{{ 'a' ~ 1 ~ true }}{{ messages|length - 1 }}",
    "{{ 1+1 }}{{ 1 +1 }}{{ -1 }}{{ 7 // 2 }}{{ 7 % 4 }}{{ 2 * 3 + 1 }}{% set i = 0 %}{{ messages[i+1].role }}",
    "{% if not nothing is defined %}A{% endif %}{% if not messages is defined %}B{% endif %}",
    "{% if not 'x' in 'abc' %}A{% endif %}{% if not 1 == 2 %}B{% endif %}{% if not not messages %}C{% endif %}",
    "{% if 'z' not in 'abc' and 'role' in messages[0] and 'a' in ['b', 'a'] and 'a' in ('a', 'b') %}A{% endif %}",
    "{{ (messages[0].role == 'user') != (0 % 2 == 0) }}{{ 1 < 2 }}{{ 2 >= 3 }}{{ messages|length > 3 }}",
    "{{ nothing or 'x' }}{{ '' and 'y' }}{{ 'a' and 'b' }}{{ 'x' if messages else 'y' }}{{ 'x' if nothing }}",
    "{{ 'a' if false else 'b' if false else 'c' }}{{ 'a' + ('b' if true else 'c') + 'd' }}",
    # truth and tests
    "{% if 'false' %}A{% endif %}{% if '' %}B{% endif %}{% if 0 %}C{% endif %}{% if [] %}D{% endif %}",
    "{% if 'False' and true %}A{% endif %}{% set x = nothing | default(false) %}{% if x %}B{% endif %}",
    "{% if messages is iterable and 'a' is iterable and messages[0] is iterable and 1 is not iterable %}A{% endif %}",
    "{% if messages is sequence and 'a' is sequence and messages[0] is mapping and 'a' is string %}A{% endif %}",
    "{% if none is none and 1 is not none and true is true and false is false and 3 is odd %}A{% endif %}",
    "{% if 4 is divisibleby 2 %}A{% endif %}{% if 'a' is equalto 'a' %}B{% endif %}{% if 'a' is not string %}C{% endif %}",
    # methods of strings and mappings
    "{{ ' a '.strip() }}|{{ ' a '.lstrip() }}|{{ ' a '.rstrip() }}|{{ 'xxaxy'.strip('xy') }}|{{ '\n\na\n'.lstrip('\n') }}",
    "{{ '\u00a0\u2003a\u0085'.strip() }}|{{ '\u00a0a ' | trim }}|",
    "{{ 'Ab'.upper() }}{{ 'Ab'.lower() }}{{ 'a-b-c'.replace('-', '+') }}",
    "{{ 'abc'.startswith('ab') }}{{ 'abc'.endswith('b') }}{{ 'abc'.endswith(('b', 'c')) }}",
    "{{ 'a</t>b</t>c'.split('</t>')[0] }}{{ 'a</t>b</t>c'.split('</t>')[-1] }}{{ 'a,b,c'.split(',', 1)[1] }}",
    "{{ ' a b  c'.split() | join('|') }}{{ 'a,,b'.split(',') | length }}",
    "{% for k, v in messages[0].items() %}{{ k }}={{ v }};{% endfor %}{% for k in messages[0] %}{{ k }}{% endfor %}",
    "{{ messages[0].get('role') }}{{ messages[0].get('no', 'other') }}{{ messages[0].keys() | join }}",
    "{% for k, v in messages[0] | items %}{{ k }}={{ v }};{% endfor %}{{ messages[0].values() | join('+') }}",
    # loops and what they set
    "{% for m in messages %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }},{% endfor %}",
    "{% for m in messages %}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }},{% endfor %}",
    "{% for m in messages %}{{ loop.previtem.role if loop.previtem }}<{{ loop.nextitem is defined }},{% endfor %}",
    "{% for m in messages if m.role != 'user' %}{{ loop.index }}{{ m.role }}{% else %}none{% endfor %}",
    "{% for m in [] %}x{% else %}none{% endfor %}{% for a, b in [['a if b', 1], ['c', 2]] %}{{ a }}{{ b }}{% endfor %}",
    "{% for m in messages %}{% if loop.index == 2 %}{% continue %}{% endif %}{% if loop.last %}{% break %}{% endif %}"
    "{{ m.role }}{% endfor %}",
    "{% set x = 'a' %}{% for m in messages %}{% set x = 'b' %}{% endfor %}{{ x }}",
    "{% for m in messages %}{% if loop.first %}{% set y = 'a' %}{% endif %}{{ y is defined }},{% endfor %}",
    "{% set ns = namespace(n=0, s='') %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% set ns.s = ns.s + m.role %}"
    "{% endfor %}{{ ns.n }}{{ ns.s }}",
    "{% for m in messages %}{% for c in m.role[:2] %}{{ loop.index }}{{ c }}{% endfor %}{{ loop.index }}{% endfor %}",
    "{% set a, b = 'x', 'y' %}{{ a }}{{ b }}{% set c %}block {{ a }}{% endset %}{{ c }}",
    # macros and other tags
    "{% macro hi(name, how='Hello') %}{{ how }}, {{ name }}!{% endmacro %}{{ hi('Bob') }}{{ hi('Ann', how='Hi') }}",
    "{% generation %}said{% endgeneration %}{% raw %}{{ x }}{% endraw %}",
    # filters
    "{{ messages[0] | tojson }}{{ {'a': [1, 2.5, true, none, []], 'b': {}, 'c': 'é\n\u001b\"<>&'} | tojson }}",
    "{{ messages[:2] | tojson(indent=4) }}",
    "{{ nothing | default('x') }}{{ '' | default('x') }}{{ '' | default('x', true) }}{{ '' | d('y', boolean=true) }}",
    "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}{{ messages | map(attribute='role') | join }}",
    "{{ messages | rejectattr('role', 'equalto', 'user') | list | length }}{{ (messages | last).role }}{{ 'a' | upper }}",
    # white space
    "  {% if true %}a{% endif %}  \n  b {% if true %} c {% endif %} d\n {{ 1 }}   {% if true %}e{% endif %}\n\n",
    "{% if true %}\n\na\n  {% endif %}\n\n\n",
    "  {# one #}\n  {#- two -#}\n\n  a {#- three -#} b {# four #}\n c {#- five #} d",
    "{% if true -%}\n\n  a\n\n{%- endif -%}\n\n b {{- 'c' -}} d\r\n",
    "{%- if true %}\n    {{- '<t>\\n' }}\n    {{- \"{\\\"x\\\": {}}\" }}\n{%- endif %}\n",
    " {%+ if true %}a{% endif %}{{ '{# no comment #} %} }}' }}{% if '%}' %}b{% endif %}",
]


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.Scope(body).set_lineno(line)


def environment():
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )

    def raise_exception(message):
        raise jinja2.TemplateError(message)

    env.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda form: TODAY
    return env


def render(env, source, variables):
    try:
        return {"text": env.from_string(source).render(**variables)}
    except jinja2.TemplateError as error:
        return {"error": str(error)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    env = environment()
    constructs = [{"template": source, **render(env, source, VARIABLES)} for source in CONSTRUCTS]
    chats = []
    for path in sorted(folder.glob("*.jinja")):
        for messages in CHATS:
            for prompted in (False, True):
                variables = {**VARIABLES, "messages": messages, "add_generation_prompt": prompted}
                rendered = render(env, path.read_text(), variables)
                chats.append({"file": path.name, "messages": messages, "prompted": prompted, **rendered})
    expected = {
        "jinja2": jinja2.__version__,
        "today": TODAY,
        "variables": VARIABLES,
        "constructs": constructs,
        "chats": chats,
    }
    (folder / "expected.json").write_text(json.dumps(expected, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
