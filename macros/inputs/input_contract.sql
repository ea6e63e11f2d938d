{# The input contract: the columns of every input, the key first. #}
{% macro input_contract() %}
    {{ return({
        'transactions': {
            'required': ['transaction_id', 'customer_id', 'occurred_at', 'amount'],
            'optional': [
                'currency', 'transaction_type', 'original_transaction_id', 'cost',
                'sales_channel', 'loaded_at',
            ],
        },
        'touchpoints': {
            'required': ['touchpoint_id', 'occurred_at', 'touchpoint_type'],
            'optional': [
                'customer_id', 'visitor_id', 'channel', 'campaign', 'outcome',
                'loaded_at',
            ],
        },
        'marketing_spend': {
            'required': ['spend_date', 'channel', 'amount'],
            'optional': ['campaign', 'currency'],
        },
        'survey_responses': {
            'required': ['response_id', 'responded_at', 'question_id', 'score'],
            'optional': ['customer_id', 'comment', 'loaded_at'],
        },
        'customers': {
            'required': ['customer_id'] + customer_segment_columns(),
            'optional': ['created_at'],
        },
        'identities': {
            'required': ['visitor_id', 'customer_id'],
            'optional': [],
        },
        'exchange_rates': {
            'required': ['rate_date', 'currency', 'rate'],
            'optional': [],
        },
    }) }}
{% endmacro %}


{# The variable segment_columns, a list of column names. #}
{% macro segment_columns() %}
    {% set names = var('segment_columns') %}
    {% if names is none or names is string or names is mapping %}
        {{ exceptions.raise_compiler_error(
            "segment_columns is '" ~ names ~ "': write a list of columns, [] for none."
        ) }}
    {% endif %}
    {{ return(names) }}
{% endmacro %}


{# The segment columns that the customers input carries. #}
{% macro customer_segment_columns() %}
    {{ return(
        customer_journey.segment_columns() | reject('equalto', 'acquisition_channel') | list
    ) }}
{% endmacro %}
